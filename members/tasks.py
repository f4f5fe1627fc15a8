"""Tasks of the credit ledger and of push accounts. A task says "there is work": what is due stands in tables, so a lost or doubled one changes nothing."""

from __future__ import annotations

import structlog
from celery import shared_task

from backoffice.kernel import clock
from members.services.credit.lapse import sweep_lapsed
from members.services.proof import prove_night
from members.services.push_accounts import fold_figures

log = structlog.get_logger(__name__)


@shared_task(name="members.sweep_lapsed_credit", queue="credit", acks_late=True, soft_time_limit=300, time_limit=330)
def sweep_lapsed_credit() -> None:
    """Empty the lots that have lapsed. Stops by itself before its time limit; the next tick goes on, also with accounts that were locked."""
    swept = sweep_lapsed(now=clock.database_now(), seconds=240, wait_for_others=False)
    log.info("credit.lapsed", accounts=swept.accounts, lots=swept.lots, payouts=swept.payouts, paid_back=str(swept.paid_back), waiting=swept.waiting)


@shared_task(name="members.prove_ledger_nightly", queue="credit", acks_late=True, soft_time_limit=1500, time_limit=1530)
def prove_ledger_nightly() -> None:
    """Prove the ledger once a local day, from three in the morning on."""
    proof = prove_night(now=clock.database_now())
    if proof is not None:
        write = log.error if proof.difference_count else log.info
        write("ledger.proved", local_day=str(proof.local_day), accounts=proof.account_count, entries=proof.entry_count, differences=proof.difference_count)


@shared_task(name="members.fold_push_figures", acks_late=True, soft_time_limit=240, time_limit=270)
def fold_push_figures() -> None:
    """Add up what changed in the figures of push accounts; the first call of a local day also keeps yesterday's. Goes on until nothing is left."""
    stores: set[int] = set()
    for _round in range(50):
        folded = fold_figures(now=clock.database_now())
        stores.update(folded.stores)
        if not folded.more:
            break
    if stores:
        log.info("push_figures.folded", stores=len(stores))
