"""Authentication: identifiant or e-mail, argon2 with parameters a small server can afford."""

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import Argon2PasswordHasher

from familles.models import Utilisateur
from portail.socle.lecture import Preparee

COMPTE = Preparee(lambda pk: Utilisateur.objects.filter(pk=pk), Utilisateur._meta.pk)


class Argon2Leger(Argon2PasswordHasher):
    """OWASP's minimum for argon2id (19 MiB, 2 passes, 1 lane): 0.02 s a log-in, where Django's default costs 0.15."""

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1


class IdentifiantOuCourriel(ModelBackend):
    """Case, accents and spaces around do not matter. An unknown account takes as long as a wrong password."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        if not username or password is None:
            return None
        utilisateur = Utilisateur.objects.par_identifiant_ou_courriel(username)
        if utilisateur is None:
            Utilisateur().set_password(password)
            return None
        if utilisateur.check_password(password) and self.user_can_authenticate(utilisateur):
            return utilisateur
        return None

    def get_user(self, user_id: int) -> Utilisateur | None:
        """The account of an open session, at each request: by a prepared query."""
        utilisateur = next(iter(COMPTE.objets(user_id)), None)
        return utilisateur if utilisateur and self.user_can_authenticate(utilisateur) else None
