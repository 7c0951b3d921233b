"""The portal's own settings, under the tests' environment.

Only the environment differs (http on localhost, the demonstration's pages and bank, a directory that goes away),
then the four things a test run needs. A module of its own because pytest-django loads the settings before any
conftest could touch the environment.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

if "PORTAIL_TESTS" not in os.environ:
    # xdist workers and subprocesses inherit it; whoever made it removes it.
    os.environ["PORTAIL_TESTS"] = tempfile.mkdtemp(prefix="portail-tests-")
    atexit.register(shutil.rmtree, os.environ["PORTAIL_TESTS"], ignore_errors=True)

os.environ.update(
    DONNEES=str(Path(os.environ["PORTAIL_TESTS"]) / os.environ.get("PYTEST_XDIST_WORKER", "seul")),
    DEMONSTRATION="1",
    HTTP_LOCAL="1",
    AGENTS_TOTP="facultatif",
    # Playwright's synchronous interface runs an event loop in the thread of the test.
    DJANGO_ALLOW_ASYNC_UNSAFE="true",
)
for nom in ("DEBUG", "EMAIL_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE"):
    os.environ.pop(nom, None)

from portail.settings import *  # noqa: E402

# Hashed names need a collectstatic first; one test runs it (test_conventions.py), the others serve the sources.
STORAGES["staticfiles"] = {"BACKEND": "tests.statiques.Sources"}
Path(STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # WhiteNoise warns of a missing directory
# Argon2 costs 0.02 s, and each test makes four accounts: a third of the run. Those who look at the portal's own hashing,
# or at the time it takes, ask for the fixture `hachage_reel`.
HACHAGE_REEL = PASSWORD_HASHERS
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *HACHAGE_REEL]
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, as in production: in memory, the live server's threads and the test would share one connection.
    DATABASES["default"]["TEST"] = {"NAME": str(DONNEES / "tests.sqlite3")}
