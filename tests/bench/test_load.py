"""What one client, one app and one organisation bear: the counts that `bench.load` makes, with fewer requests."""

import pytest

from bench.load import KEY_BEARS, PARTS, Counted, Load, concentrations, count, loads, noise, report

RATE = 48_000  # requests a second
REQUESTS = 4800  # of them that are made
PEOPLE, INSTANCES, SIGN_UPS = 400, 20, 2000

# Read units a request, without the deployment's item, of which each instance reads one a second.
UNITS = {
    "one machine, one token": 2,  # the client's end and the mark of a revoked token
    "one app's users": 3,  # the authorization, the subject's end and the client's
    "one organisation": 5,  # those, the organisation's end and the membership
    "one client's own tokens": 1,  # the client's end
    "one user, one token": 3,
}
# What one item is kept of, so that it is as hot as what it is about: a stated limit.
ALONE = {"authorization", "end#subject"}


def counted(load: Load) -> list[Counted]:
    return count(load, REQUESTS, RATE, INSTANCES)


def loads_of_many() -> list[Load]:
    return [load for load in loads(PEOPLE) if load.name != "one user, one token"]


@pytest.mark.parametrize("load", loads_of_many(), ids=lambda load: load.name)
def test_no_key_is_read_more_often_than_an_item_bears(load: Load) -> None:
    """A sixteenth of 48,000 is 3,000: what is above that is chance."""
    assert RATE / PARTS == KEY_BEARS
    bears = KEY_BEARS + RATE * noise(REQUESTS)
    assert {one.kind: one.hottest for one in counted(load) if one.hottest > bears} == {}


def test_one_user_and_one_authorization_are_as_hot_as_their_token() -> None:
    (load,) = [load for load in loads(PEOPLE) if load.name == "one user, one token"]
    hot = {one.kind: one.hottest for one in counted(load) if one.hottest > KEY_BEARS + RATE * noise(REQUESTS)}
    assert hot == dict.fromkeys(ALONE, RATE)


@pytest.mark.parametrize("load", loads(PEOPLE), ids=lambda load: load.name)
def test_a_request_reads_what_it_is_said_to_cost(load: Load) -> None:
    found = {one.kind: one.units for one in counted(load)}
    of_instances = found.pop("deployment")
    assert sum(found.values()) / RATE == UNITS[load.name]
    assert of_instances == INSTANCES


def test_no_part_of_an_index_takes_more_than_its_share_of_sign_ups() -> None:
    shares, most = concentrations(SIGN_UPS), 1 / PARTS + noise(SIGN_UPS)
    assert shares.keys() == {"by_client", "by_organisation", "by_kind"}
    assert {index: share for index, share in shares.items() if share > most} == {}


def test_the_report_tells_what_each_table_needs() -> None:
    told = report(requests=200, rate=RATE, people=20, sign_ups=100)
    assert all(f"**{load.name}**, 48,000 requests a second" in told for load in loads(20))
    assert "WarmThroughput of the TokensTable: 96," in told
