"""The outbox: one cause one row, nothing lost, the same Message-ID, at most one resend after a crash."""

import smtplib
from datetime import timedelta

import pytest
import time_machine
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from portail.socle import courriels
from portail.socle.courriels import ESSAIS_MAX, clore_abandonnes, envoyer_dus, poster
from portail.socle.models import Courriel
from tests.factories import famille

pytestmark = pytest.mark.django_db
GABARIT = "courriels/nouveau_message.txt"


class Tue(BaseException):
    """SIGKILL as seen from the code: nothing below runs."""


class Bureau(BaseEmailBackend):
    """A mail server whose answer the test chooses."""

    reponse: BaseException | None = None
    recus: list = []
    appels = 0

    def send_messages(self, messages):
        Bureau.appels += 1
        if isinstance(Bureau.reponse, Exception):
            raise Bureau.reponse
        Bureau.recus += messages
        if Bureau.reponse is not None:
            raise Bureau.reponse
        return len(messages)


@pytest.fixture
def bureau(settings):
    settings.EMAIL_BACKEND = f"{__name__}.Bureau"
    Bureau.reponse, Bureau.recus, Bureau.appels = None, [], 0
    return Bureau


def un_courriel(cle: str = "message:1", **contexte) -> Courriel | None:
    defaut = {"expediteur": "Garderie", "chemin": "/messagerie/1/"}
    return poster(cle, "jean@exemple.fr", GABARIT, defaut | contexte)


def relu() -> Courriel:
    return Courriel.objects.get()


class TestPoster:
    def test_sujet_et_texte_viennent_du_gabarit(self):
        un_courriel()
        assert relu().objet == "Portail Famille\N{NO-BREAK SPACE}: un nouveau message vous attend"
        assert relu().texte.startswith("Bonjour,\n\nGarderie vous a écrit")
        assert relu().texte.endswith("\n")

    def test_le_texte_n_est_pas_du_html(self):
        un_courriel(expediteur="L'été & <co>")
        assert "L'été & <co> vous a écrit" in relu().texte

    def test_un_nom_ne_coupe_pas_l_objet(self, tmp_path, settings):
        (tmp_path / "sujet.txt").write_text("{{ nom }} vous écrit\nTexte")
        settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": [tmp_path]}]
        poster("c", "jean@exemple.fr", "sujet.txt", {"nom": "A\rBcc: x@exemple.fr"})
        assert relu().objet == "A Bcc: x@exemple.fr vous écrit"
        assert envoyer_dus() == 1

    def test_une_cause_une_ligne(self):
        assert un_courriel() is not None
        assert un_courriel() is None
        assert Courriel.objects.count() == 1

    def test_sans_adresse_rien(self):
        assert poster("c", "", GABARIT, {}) is None
        assert Courriel.objects.count() == 0

    def test_la_cause_annulee_emporte_le_courriel(self):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            un_courriel()
            raise ZeroDivisionError
        assert Courriel.objects.count() == 0

    def test_cent_courriels_un_seul_signal(self, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            for i in range(3):
                un_courriel(f"message:{i}")
        assert DBTaskResult.objects.ready().count() == 1

    def test_un_seul_appel_meme_quand_un_point_de_reprise_est_annule(
        self, django_capture_on_commit_callbacks
    ):
        """The nudge goes with the savepoint that asked for it; the next letter asks again."""
        with django_capture_on_commit_callbacks() as appels:
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                un_courriel("annule")
                raise ZeroDivisionError
            un_courriel("reste")
            with transaction.atomic():
                un_courriel("aussi")
        assert len(appels) == 1


class TestEnvoi:
    def test_envoye_une_fois(self, mailoutbox):
        un_courriel()
        assert (envoyer_dus(), envoyer_dus()) == (1, 0)
        assert relu().etat == Courriel.Etat.ENVOYE
        assert [m.to for m in mailoutbox] == [["jean@exemple.fr"]]
        assert mailoutbox[0].extra_headers["Message-ID"] == relu().message_id

    def test_serveur_en_panne_dix_minutes_rien_de_perdu(self, bureau):
        """T17."""
        with time_machine.travel("2026-11-23T08:00:00+00:00", tick=False) as horloge:
            for i in range(20):
                un_courriel(f"message:{i}")
            identifiants = set(Courriel.objects.values_list("message_id", flat=True))
            bureau.reponse = ConnectionRefusedError()
            for _ in range(40):
                envoyer_dus()
                horloge.shift(timedelta(seconds=15))
            assert bureau.recus == []
            assert set(Courriel.objects.values_list("etat", flat=True)) == {Courriel.Etat.A_ENVOYER}
            bureau.reponse = None
            for _ in range(120):
                envoyer_dus()
                horloge.shift(timedelta(seconds=15))
        assert {m.extra_headers["Message-ID"] for m in bureau.recus} == identifiants
        assert len(bureau.recus) == 20
        assert set(Courriel.objects.values_list("etat", flat=True)) == {Courriel.Etat.ENVOYE}

    def test_serveur_absent_un_seul_essai_par_passage(self, bureau):
        """A server that never answers costs one time-out, not two hundred."""
        for i in range(5):
            un_courriel(f"message:{i}")
        bureau.reponse = TimeoutError()
        envoyer_dus()
        assert bureau.appels == 1

    def test_adresse_refusee_les_autres_partent(self, bureau):
        for i in range(3):
            un_courriel(f"message:{i}")
        bureau.reponse = smtplib.SMTPRecipientsRefused({"jean@exemple.fr": (550, b"inconnu")})
        envoyer_dus()
        assert bureau.appels == 3

    def test_attentes_de_plus_en_plus_longues_puis_echec(self, bureau):
        bureau.reponse = smtplib.SMTPDataError(451, b"plus tard")
        attentes = []
        with time_machine.travel("2026-11-23T08:00:00+00:00", tick=False) as horloge:
            un_courriel()
            while relu().etat == Courriel.Etat.A_ENVOYER:
                horloge.move_to(relu().prevu_le)
                envoyer_dus()
                attentes.append((relu().prevu_le - timezone.now()) // timedelta(minutes=1))
        assert attentes[:9] == [2, 4, 8, 16, 32, 64, 128, 256, 360]
        assert len(attentes) == ESSAIS_MAX
        assert (relu().etat, relu().erreur) == (Courriel.Etat.ECHEC, "SMTPDataError")
        assert sum(attentes) > 48 * 60

    def test_le_journal_ne_dit_pas_l_adresse(self, bureau, caplog):
        un_courriel()
        bureau.reponse = smtplib.SMTPRecipientsRefused({"jean@exemple.fr": (550, b"inconnu")})
        envoyer_dus()
        assert [r.getMessage() for r in caplog.records] == ["courriel non envoyé : SMTPRecipientsRefused"]
        assert "jean" not in caplog.text

    def test_arret_entre_deux_courriels(self, bureau):
        for i in range(3):
            un_courriel(f"message:{i}")
        envoyer_dus(arret=lambda: bureau.appels >= 1)
        assert bureau.appels == 1


class TestPanne:
    """The process dies between the claim and the end of the sending."""

    def tuer(self, bureau):
        bureau.reponse = Tue()
        with pytest.raises(Tue):
            envoyer_dus()
        bureau.reponse = None

    def test_repris_une_fois_avec_le_meme_message_id(self, bureau):
        with time_machine.travel("2026-11-23T08:00:00+00:00", tick=False) as horloge:
            un_courriel()
            self.tuer(bureau)
            assert envoyer_dus() == 0
            horloge.shift(Courriel.ABANDON + timedelta(seconds=1))
            assert envoyer_dus() == 1
            assert envoyer_dus() == 0
        assert [m.extra_headers["Message-ID"] for m in bureau.recus] == [relu().message_id] * 2
        assert (relu().etat, relu().reprises) == (Courriel.Etat.ENVOYE, 1)

    def test_pas_de_troisieme_envoi(self, bureau):
        with time_machine.travel("2026-11-23T08:00:00+00:00", tick=False) as horloge:
            un_courriel()
            for _ in range(2):
                self.tuer(bureau)
                horloge.shift(Courriel.ABANDON + timedelta(seconds=1))
            assert envoyer_dus() == 0
            assert clore_abandonnes(timezone.now()) == 1
        assert len(bureau.recus) == 2
        assert (relu().etat, relu().erreur) == (Courriel.Etat.ECHEC, "Interrompu deux fois")

    def test_un_long_lot_n_est_pas_un_abandon(self, bureau):
        """The hour of a claim is its own: the last rows of a slow batch are not taken by another worker."""
        with time_machine.travel("2026-11-23T08:00:00+00:00", tick=False) as horloge:
            debut = timezone.now()
            un_courriel()
            horloge.shift(timedelta(minutes=15))
            bureau.reponse = Tue()
            with pytest.raises(Tue):
                envoyer_dus(debut + timedelta(minutes=15))
            bureau.reponse = None
            assert relu().pris_le == timezone.now()
            assert envoyer_dus() == 0

    def test_l_ancien_proprietaire_ne_defait_rien(self, bureau):
        """Slow for eleven minutes, then refused: the row another worker has sent meanwhile stays sent."""
        with time_machine.travel("2026-11-23T08:00:00+00:00", tick=False) as horloge:
            courriel = un_courriel()

            class Lent(Bureau):
                def send_messages(self, messages):
                    horloge.shift(Courriel.ABANDON + timedelta(minutes=1))
                    courriels.envoyer_dus()
                    raise smtplib.SMTPServerDisconnected

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Bureau, "send_messages", _une_fois(Lent.send_messages, Bureau.send_messages))
                envoyer_dus()
        assert Courriel.objects.get(pk=courriel.pk).etat == Courriel.Etat.ENVOYE
        assert len(bureau.recus) == 1


def _une_fois(premier, ensuite):
    suite = iter([premier])

    def envoyer(self, messages):
        return next(suite, ensuite)(self, messages)

    return envoyer


def test_seules_les_adresses_autorisees():
    jean = famille("Jean", "DUPONT")
    assert jean.adresses_courriel() == ["jean.dupont@exemple.fr"]
    jean.responsables.update(autorisation_courriel=False)
    assert jean.adresses_courriel() == []
