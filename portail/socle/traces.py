"""Writing a trace: who did what to which row."""

from portail.socle.models import Trace


def tracer(par, action: str, objet, *, famille=None, **detail) -> Trace:
    """One audit row, written in the caller's transaction. `par` is a user or None (the portal itself)."""
    return Trace.objects.create(
        qui=par.get_username() if par is not None else "portail",
        action=action,
        objet_type=objet._meta.label_lower,
        objet_id=str(objet.pk),
        famille=famille.numero if famille is not None else "",
        detail=detail,
    )


def tracer_plusieurs(par, action: str, lignes) -> None:
    """The same action on many rows, in one query: (objet, famille or None, detail) each."""
    qui = par.get_username() if par is not None else "portail"
    Trace.objects.bulk_create(
        Trace(
            qui=qui,
            action=action,
            objet_type=objet._meta.label_lower,
            objet_id=str(objet.pk),
            famille=famille.numero if famille is not None else "",
            detail=detail,
        )
        for objet, famille, detail in lignes
    )
