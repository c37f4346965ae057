"""How values represent themselves: in a log, in rich's tables and in a pickle."""

from __future__ import annotations

import pickle

from rich.pretty import pretty_repr

from hellotext_async import DeadLetters, NotAccepted, Reconciled, Response
from hellotext_async.errors import Asked, ErrorDetail
from hellotext_async.queue.letters import Letter


def test_values_with_a_customer_s_data_do_not_show_it() -> None:
    """Neither in its repr nor in rich's form."""
    secret = "will.e@acme.com"
    values = [
        Asked("POST", "/v1/profiles", secret.encode(), 0.0),
        ErrorDetail(type="invalid", message=secret, parameter="email"),
        Letter(event_id="e1", action="page.viewed", verdict="rejected", subject=secret),
        DeadLetters(f"/tmp/{1}.jsonl"),
    ]
    for value in values:
        for shown in (repr(value), str(value), pretty_repr(value)):
            assert secret not in shown or isinstance(value, ErrorDetail), shown
            assert shown


def test_values_have_a_short_form_for_rich() -> None:
    """Only the important fields."""
    assert "POST" in pretty_repr(Asked("POST", "/v1/profiles", None, 0.0))
    assert "e1" in pretty_repr(Letter(event_id="e1", action="page.viewed", verdict="rejected"))
    assert "unknown" in pretty_repr(Reconciled(of="e1", verdict="unknown", reason="why"))
    assert "200" in pretty_repr(Response(status=200, headers=(), request_id="r"))
    assert "invalid" in pretty_repr(ErrorDetail(type="invalid", message="", parameter="email"))


def test_an_event_that_was_not_accepted_stays_so_in_a_pickle() -> None:
    """Whether it may be stored all the same is kept."""
    error = pickle.loads(pickle.dumps(NotAccepted("the server did not answer", may_be_accepted=True)))
    assert (str(error), error.may_be_accepted) == ("the server did not answer", True)
