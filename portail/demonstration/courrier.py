"""Messages, demandes and news of the demonstration."""

import uuid
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from demandes.envoi import envoyer_absences
from demandes.models import (
    CompteurDemande,
    Demande,
    DemandeEvenement,
    DemandeJour,
    PieceDemande,
)
from demandes.types import Absences
from enfants import places
from enfants.models import Etat as EtatJour
from enfants.models import Inscription, Reservation, ReservationEvenement, Structure
from messagerie.models import Conversation, EtatConversation, Message
from portail.accueil.fiche_inscription import annee_de_la_fiche
from portail.accueil.models import Formulaire, Information
from portail.socle.fichiers import deposer
from portail.socle.models import Courriel

from .documents import justificatif, reglement
from .guide import Gens
from .population import Ville
from .reservations import Ouvertures
from .ville import ALSH, GARDERIE


def ecrire_messages(ville: Ville, gens: Gens) -> None:
    """One new message for Jean, two read ones. The fixed ids keep bookmarks alive after `--neuf`."""
    jour = ville.aujourdhui
    compte = gens.jean.titulaire().utilisateur
    verger = _conversation(gens, ALSH, 1, "Sortie au verger")
    _message(
        verger,
        gens.agent,
        ALSH,
        True,
        min(_a(jour, 8, 12), timezone.now()),
        "Bonjour,\n\nLe groupe de Tom part cueillir les dernières pommes mercredi. Prévoyez des bottes et un "
        "goûter.\n\nL’équipe de l’accueil de loisirs",
    )
    gouter = _conversation(gens, GARDERIE, 2, "Goûter oublié de Léa")
    _message(
        gouter,
        compte,
        "DUPONT Jean",
        False,
        _a(jour - timedelta(days=4), 8, 40),
        "Bonjour,\n\nLéa a oublié son goûter à la maison ce matin. Pouvez-vous lui en donner un ?\n\nMerci.",
    )
    _message(
        gouter,
        gens.agent,
        GARDERIE,
        True,
        _a(jour - timedelta(days=4), 17, 5),
        "Merci pour votre message. Léa a bien eu un goûter, tout va bien.",
    )
    menus = _conversation(gens, None, 3, "Menus du mois")
    _message(
        menus,
        gens.agent,
        "Service enfance, mairie",
        True,
        _a(jour - timedelta(days=7), 9, 30),
        "Bonjour,\n\nLes menus de la restauration scolaire sont affichés à l’école et en mairie.",
    )
    for conversation in (gouter, menus):
        EtatConversation.objects.create(
            conversation=conversation, utilisateur=compte, lu_le=conversation.dernier_le
        )


def _conversation(gens: Gens, structure: str | None, rang: int, objet: str) -> Conversation:
    return Conversation.objects.create(
        id=uuid.uuid5(uuid.NAMESPACE_URL, f"demonstration:conversation:{rang}"),
        famille=gens.jean,
        structure=Structure.objects.get(nom=structure) if structure else None,
        objet=objet,
        creee_le=timezone.now() - timedelta(days=30),
    )


def _message(conversation, auteur, signature, de_la_mairie, quand, texte) -> None:
    Message.objects.create(
        conversation=conversation,
        auteur=auteur,
        auteur_nom=signature,
        de_la_mairie=de_la_mairie,
        texte=texte,
        envoye_le=quand,
    )
    conversation.dernier_le = quand
    conversation.save(update_fields=["dernier_le"])


def ecrire_demandes(ville: Ville, gens: Gens, ouvertures: Ouvertures) -> None:
    """Jean's demandes: one waiting (CAF), two accepted, one refused."""
    jour = ville.aujourdhui
    _grand_mere(ville, gens)
    acceptee = _demande(
        gens,
        ville,
        1,
        "infos-responsable",
        jour - timedelta(days=13),
        "acceptee",
        {"profession": "Menuisier"},
        {"profession": "Ébéniste"},
    )
    _decider(acceptee, gens.agent, _a(jour - timedelta(days=12), 10, 15), "acceptee")
    _complet(ville, gens, ouvertures)
    caf = _demande(
        gens,
        ville,
        3,
        "caf",
        jour - timedelta(days=2),
        "envoyee",
        {"quotient": "792", "quotient_du": jour.replace(day=1).isoformat(), "quotient_au": ""},
        {"quotient": "845", "quotient_du": ville.depuis.isoformat(), "quotient_au": ""},
    )
    preuve = justificatif("Attestation de quotient familial", ("Jean DUPONT", "Quotient familial : 792"))
    PieceDemande.objects.create(demande=caf, fichier=deposer(preuve, caf.envoyee_par))
    _absence_sans_attestation(ville, gens, ouvertures)


def _complet(ville: Ville, gens: Gens, ouvertures: Ouvertures) -> None:
    """A booking refused: the service was full that day."""
    jour = ville.aujourdhui
    inscription = gens.inscriptions["Léa", "Mercredi journée"]
    mercredis = ouvertures.jours(inscription.prestation, jour + timedelta(days=1), jour + timedelta(days=120))
    libres = [
        j
        for j in mercredis
        if not Reservation.objects.filter(
            enfant=gens.lea, jour=j, prestation__structure=inscription.prestation.structure
        ).exists()
    ]
    refusee = _demande(
        gens, ville, 2, "reservations", jour - timedelta(days=7), "refusee", {}, {}, enfant=gens.lea
    )
    motif = "Complet ce jour-là. Essayez «\N{NO-BREAK SPACE}Mercredi après-midi\N{NO-BREAK SPACE}»."
    if libres:
        _refuse(gens, refusee, inscription, libres[0], motif)
    _decider(refusee, gens.agent, refusee.envoyee_le + timedelta(days=1), "refusee", motif)


def _refuse(gens: Gens, refusee: Demande, inscription: Inscription, jour: date, motif: str) -> None:
    """The day of that demande, asked then refused the day after."""
    reservation = Reservation.objects.create(
        enfant=gens.lea,
        prestation=inscription.prestation,
        jour=jour,
        inscription=inscription,
        payeur=gens.jean,
        etat="refusee",
        motif=motif,
        demandee_le=refusee.envoyee_le,
    )
    ReservationEvenement.objects.create(reservation=reservation, vers="demandee", le=refusee.envoyee_le)
    ReservationEvenement.objects.create(
        reservation=reservation,
        de="demandee",
        vers="refusee",
        par=gens.agent,
        motif=motif,
        le=refusee.envoyee_le + timedelta(days=1),
    )
    DemandeJour.objects.create(
        demande=refusee, reservation=reservation, action="reserver", decision="refusee"
    )


def _absence_sans_attestation(ville: Ville, gens: Gens, ouvertures: Ouvertures) -> None:
    """Claire's: Zoé is ill, declared too late to cost nothing: the town waits for the attestation."""
    inscription = next(
        i for i in gens.autres if i.famille == gens.claire and i.prestation.nom == "Restauration scolaire"
    )
    jour, veille = ville.aujourdhui, _a(ville.aujourdhui - timedelta(days=1), 19, 45)
    ouverts = ouvertures.jours(inscription.prestation, jour, jour + timedelta(days=7))
    if not ouverts:
        return  # in the holidays nobody is expected
    siennes = Reservation.objects.filter(inscription=inscription, jour=ouverts[0], etat=EtatJour.RESERVEE)
    reservation = siennes.first()
    if reservation is None:
        souhait = places.Souhait(inscription, ouverts[0])
        avant = veille - timedelta(days=7)
        (issue,) = places.reserver([souhait], gens.agent, avant, au_nom_de_la_mairie=True)
        reservation = issue.reservation
    if reservation:
        compte = gens.claire.titulaire().utilisateur
        raison = {"raison": Absences.MEDICALE, "precision": ""}
        jeton = uuid.uuid5(uuid.NAMESPACE_URL, "demonstration:absence")
        envoyer_absences(gens.claire, [reservation], raison, compte, veille, jeton)
        Courriel.objects.all().delete()  # nobody is written to about what is already past


def _grand_mere(ville: Ville, gens: Gens) -> None:
    """Tom's grandmother, declared and accepted: she is on his page."""
    jour = ville.aujourdhui - timedelta(days=14)
    donnees = {
        "n1_civilite": "Mme",
        "n1_nom": "DUPONT",
        "n1_prenom": "Odile",
        "n1_lien": "Grand-mère",
        "n1_telephone": "04 65 71 08 26",
        "n1_peut_venir_chercher": True,
        "n1_a_prevenir": True,
    }
    avant = {nom: "" if isinstance(valeur, str) else False for nom, valeur in donnees.items()}
    acceptee = _demande(
        gens, ville, 4, "personnes-autorisees", jour, "acceptee", donnees, avant, enfant=gens.tom
    )
    _decider(acceptee, gens.agent, _a(jour + timedelta(days=1), 9, 5), "acceptee")


def _demande(gens, ville, rang, code, jour, etat, donnees, avant, enfant=None) -> Demande:
    quand = _a(jour, 19, 20 + rang)
    demande = Demande.objects.create(
        id=uuid.uuid5(uuid.NAMESPACE_URL, f"demonstration:demande:{rang}"),
        numero=CompteurDemande.numero(jour.year),
        famille=gens.jean,
        enfant=enfant,
        type=code,
        etat="envoyee",
        donnees=donnees,
        avant=avant,
        envoyee_par=gens.jean.titulaire().utilisateur,
        envoyee_le=quand,
    )
    DemandeEvenement.objects.create(demande=demande, genre="envoyee", le=quand, par=demande.envoyee_par)
    demande.etat = etat
    return demande


def _decider(demande: Demande, par, quand: datetime, genre: str, motif: str = "") -> None:
    demande.decidee_par, demande.decidee_le, demande.motif = par, quand, motif
    demande.save(update_fields=["etat", "decidee_par", "decidee_le", "motif"])
    DemandeEvenement.objects.create(demande=demande, genre=genre, le=quand, par=par, texte=motif)


def publier(ville: Ville) -> None:
    """The town's words on the home page, and its news."""
    jour = ville.aujourdhui
    Information.objects.create(
        titre="Bienvenue sur le Portail Famille",
        texte="Pensez à réserver la cantine deux jours ouvrés à l’avance.",
        emplacement="accueil",
        du=jour - timedelta(days=30),
    )
    Information.objects.create(
        titre="L’accueil de loisirs cherche des bottes",
        texte="Le potager est prêt. Si vous avez des bottes trop petites, nous sommes preneurs.",
        emplacement="infos",
        du=jour - timedelta(days=3),
    )
    Formulaire.objects.create(
        libelle="Règlement intérieur des accueils",
        fichier=deposer(reglement(annee_de_la_fiche(jour)), None),
        du=jour - timedelta(days=5),
    )


def _a(jour, heure: int, minute: int) -> datetime:
    """That wall time in Paris."""
    return timezone.make_aware(datetime.combine(jour, time(heure, minute)))
