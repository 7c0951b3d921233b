"""Writing a trace: who did what to which row."""

from portail.socle.models import Trace


def tracer(par, action: str, objet, *, famille=None, **detail) -> Trace:
    """One audit row, written in the caller's transaction. `par` is a user or None (the portal itself)."""
    (trace,) = tracer_ensemble([(par, action)], objet, famille=famille, **detail)
    return trace


def tracer_ensemble(actions: list[tuple], objet, *, famille=None, **detail) -> list[Trace]:
    """What was done to one row at once, in one query: (par, action) each."""
    return Trace.objects.bulk_create(_trace(par, action, objet, famille, detail) for par, action in actions)


def tracer_plusieurs(par, action: str, lignes) -> None:
    """The same action on many rows, in one query: (objet, famille or None, detail) each."""
    Trace.objects.bulk_create(
        _trace(par, action, objet, famille, detail) for objet, famille, detail in lignes
    )


def _trace(par, action: str, objet, famille, detail: dict) -> Trace:
    return Trace(
        qui=par.get_username() if par is not None else "portail",
        action=action,
        objet_type=objet._meta.label_lower,
        objet_id=str(objet.pk),
        famille=famille.numero if famille is not None else "",
        detail=detail,
    )
