"""One file, the environment read at the top, safe defaults.

With no variable at all the portal runs on an embedded SQLite database under `var/`, in production mode.
"""

import secrets
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DONNEES = Path(env.str("DONNEES", default=str(BASE_DIR / "var")))
DEMONSTRATION = env.bool("DEMONSTRATION", default=False)
# Relaxes exactly what plain http on localhost forces: secure cookies, redirection to https, HSTS.
HTTP_LOCAL = env.bool("HTTP_LOCAL", default=False)
DERRIERE_PROXY = env.bool("DERRIERE_PROXY", default=False)
# How many proxies of ours stand in front: each adds one address at the right of X-Forwarded-For.
PROXIES = env.int("PROXIES", default=1)
SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
BANQUE_URL = env.str("BANQUE_URL", default="http://127.0.0.1:8001").rstrip("/")


def _au_moins(minimum: int, nom: str, defaut: int) -> int:
    """A whole number of the environment. A slip must not erase what is alive, nor lower the guide's rule."""
    valeur = env.int(nom, default=defaut)
    if valeur < minimum:
        raise ImproperlyConfigured(f"{nom} : {minimum} au moins.")
    return valeur


def _cle_secrete() -> str:
    """SECRET_KEY of the environment, or one generated once and kept readable by its owner only."""
    cle = env.str("SECRET_KEY", default="")
    if cle:
        return cle
    chemin = DONNEES / "cle-secrete"
    if not chemin.exists():
        DONNEES.mkdir(parents=True, exist_ok=True)
        provisoire = DONNEES / f"cle-secrete.{secrets.token_hex(4)}"
        provisoire.write_text(secrets.token_urlsafe(64))
        provisoire.chmod(0o600)
        try:
            # link() and not rename(): two processes starting together must keep the same key.
            chemin.hardlink_to(provisoire)
        except FileExistsError:
            pass
        finally:
            provisoire.unlink()
    return chemin.read_text().strip()


SECRET_KEY = _cle_secrete()
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_ANCIENNES", default=[])
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "portail.socle",
    # Before familles, which replaces its page of the admin.
    "django_otp",
    "django_otp.plugins.otp_totp",
    "familles",
    "enfants",
    "facturation",
    "messagerie",
    "demandes",
    "portail.accueil",
    "portail.demonstration",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "bootstrap",
    "crispy_forms",
    "crispy_bootstrap5",
    "localflavor",
    "csp",
    "django_tasks",
    "django_tasks_db",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portail.socle.middleware.Recevable",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "familles.middleware.ConnexionRequise",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "portail.socle.csp.SiteDeLaCollectivite",
    "portail.socle.middleware.PasDeCache",
    "familles.middleware.FamilleActive",
    "portail.socle.middleware.TropDemande",
    "portail.socle.middleware.MethodeRefusee",
]

ROOT_URLCONF = "portail.urls"
WSGI_APPLICATION = "portail.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portail.accueil.entete.contexte",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"
CRISPY_FAIL_SILENTLY = False

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{DONNEES / 'portail.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DONNEES.mkdir(parents=True, exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        # IMMEDIATE: a transaction that reads then writes waits for the lock instead of failing half-way.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
    # Each thread keeps its own: opening the file cost more than the queries of a small page.
    DATABASES["default"]["CONN_MAX_AGE"] = None
else:
    from portail.curseur import Curseur

    DATABASES["default"].setdefault("OPTIONS", {})
    DATABASES["default"]["OPTIONS"] |= {
        "pool": {"min_size": 1, "max_size": 8, "timeout": 15},
        # Statements seen five times are prepared on their connection: planning them anew was more than half of the
        # database's work. Parameters must be bound by the server for that.
        "server_side_binding": True,
        "cursor_factory": Curseur,
        "prepare_threshold": 5,
    }
# No ATOMIC_REQUESTS: with immediate transactions every page would take SQLite's write lock.
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "familles.Utilisateur"
AUTHENTICATION_BACKENDS = ["familles.connexion.IdentifiantOuCourriel"]
PASSWORD_HASHERS = [
    "familles.connexion.Argon2Leger",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "familles.mots_de_passe.Composition",
        "OPTIONS": {"longueur": _au_moins(8, "MOT_DE_PASSE_LONGUEUR", 8)},
    },
    {"NAME": "familles.mots_de_passe.PasUnNom"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "connexion"
LOGIN_REDIRECT_URL = "accueil"
PASSWORD_RESET_TIMEOUT = 3600
ACCES_JOURS = _au_moins(1, "ACCES_JOURS", 30)  # a temporary password of a letter, an activation link

# The second factor of agents: « obligatoire », or « facultatif » (the demonstration). Parents choose.
AGENTS_TOTP = env.str("AGENTS_TOTP", default="obligatoire")
if AGENTS_TOTP not in ("obligatoire", "facultatif"):
    raise ImproperlyConfigured("AGENTS_TOTP : « obligatoire » ou « facultatif ».")
OTP_TOTP_THROTTLE_FACTOR = 0  # familles.assaut counts the wrong codes, as it does the wrong passwords
# How long the portal keeps what it may erase by itself (portail.accueil.conservation). Never the money's papers.
CONSERVATION_ANS = _au_moins(1, "CONSERVATION_ANS", 3)  # a household's sheet, after its last sign of life
SANTE_MOIS = _au_moins(1, "SANTE_MOIS", 12)  # a child's health sheet, after the last enrolment
CONNEXIONS_JOURS = _au_moins(30, "CONNEXIONS_JOURS", 180)  # how long « Mes connexions » remembers

SESSION_ENGINE = "familles.sessions"
SESSION_COOKIE_AGE = env.int("SESSION_INACTIVITE_SECONDES", default=30 * 60)
SESSION_ABSOLUE_SECONDES = env.int("SESSION_ABSOLUE_SECONDES", default=12 * 3600)
SESSION_SAVE_EVERY_REQUEST = False  # FamilleActive renews it at most once a minute: no write for each page
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"  # the bank's return is a cross-site GET: Strict would log the parent out
CSRF_COOKIE_HTTPONLY = True
# Not in a cookie of their own: what the page says to one person would wait in the browser for the next one.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

if HTTP_LOCAL:
    SESSION_COOKIE_NAME = "session"
    CSRF_COOKIE_NAME = "csrf"
else:
    SESSION_COOKIE_NAME = "__Host-session"
    CSRF_COOKIE_NAME = "__Host-csrf"
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^sante/$"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
if DERRIERE_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "portail.socle.middleware.jeton_absent"

STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", default="")
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", default="")
# Empty: Stripe's own address. Demonstration without a key: the same provider talks to our demonstration bank.
STRIPE_API_BASE = env.str("STRIPE_API_BASE", default="")
if DEMONSTRATION and not STRIPE_SECRET_KEY:
    STRIPE_SECRET_KEY = "sk_test_demonstration"
    STRIPE_WEBHOOK_SECRET = "whsec_demonstration"
    STRIPE_API_BASE = BANQUE_URL
PAIEMENT_ORIGINES = [BANQUE_URL] if STRIPE_API_BASE == BANQUE_URL else ["https://checkout.stripe.com"]

# A POST answered by a redirect elsewhere is blocked by form-action: payment pages and the town's site are listed
# (the town's site is added by portail.socle.csp, since it is data).
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # Bootstrap's css holds data: SVGs
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
        "form-action": [SELF, *PAIEMENT_ORIGINES],
    }
}

LANGUAGE_CODE = "fr"
FORMAT_MODULE_PATH = ["portail.socle.formats"]
TIME_ZONE = "Europe/Paris"
USE_TZ = True
USE_I18N = True
USE_THOUSAND_SEPARATOR = False

STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(DONNEES / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
# Half the files, half the time: nothing links the unhashed names.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
FICHIERS_PRIVES = DONNEES / "fichiers"
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": FICHIERS_PRIVES},
    },
    "staticfiles": {"BACKEND": "portail.socle.statiques.Statiques"},
}
# Uploaded files are private: there is no MEDIA_URL, each is served by a view that checks who asks.
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_NUMBER_FIELDS = 3000
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

if env.str("EMAIL_URL", default=""):
    vars().update(env.email("EMAIL_URL"))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = DONNEES / "courriels"
DEFAULT_FROM_EMAIL = env.str(
    "DEFAULT_FROM_EMAIL", default="Portail Famille <ne-pas-repondre@portail.example>"
)
EMAIL_TIMEOUT = 20

# Who knows which days are invoiced: enfants asks without importing what stands above it.
CLOTURE = "facturation.cloture"

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"]}}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "portail.socle.journal.Json"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": env.str("NIVEAU_JOURNAL", default="INFO")},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        # At INFO stripe-python writes the bank's error messages, where an e-mail address may stand.
        "stripe": {"level": "WARNING"},
        # WeasyPrint warns about every css property it does not know.
        "weasyprint": {"level": "ERROR"},
        "fontTools": {"level": "ERROR"},
    },
}
