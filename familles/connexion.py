"""Authentication: identifiant or e-mail, argon2 with parameters a small server can afford."""

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import Argon2PasswordHasher


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
        Utilisateur = get_user_model()
        utilisateur = Utilisateur.objects.par_identifiant_ou_courriel(username)
        if utilisateur is None:
            Utilisateur().set_password(password)
            return None
        if utilisateur.check_password(password) and self.user_can_authenticate(utilisateur):
            return utilisateur
        return None
