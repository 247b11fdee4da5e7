"""Who is who: accounts, e-mail addresses and devices joined into customers."""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

#: What a customer is known by, from the strongest to the weakest.
KINDS: Final = ("account", "email", "device")


class Identities(NamedTuple):
    """Result of `resolve`.

    Attributes:
        table: kind (account, email, device), identifier, customer_id: one row an identifier.
        shared_devices: devices on which more than one customer logged in, left apart.
        joined_accounts: accounts that became part of another because of a common e-mail address.
        joined_devices: devices that became part of a customer who logged in.
        anonymous_devices: devices on which nobody ever logged in.
    """

    table: pd.DataFrame
    shared_devices: int
    joined_accounts: int
    joined_devices: int
    anonymous_devices: int


def resolve(seen: pd.DataFrame) -> Identities:
    """Customers as connected components of what was seen together.

    `seen` has the columns account, email and device (text or missing), one row for each combination that occurs.
    Accounts and addresses that stand together in a row are one customer, and so on along any chain of rows. A device
    joins the one customer that was seen on it; with two it stays apart, so that a family's tablet does not make one
    customer of two. A customer's id is the shortest and then least of its accounts, else made from its address, else
    from its device.

    >>> seen = pd.DataFrame({"account": ["7", None], "email": ["f0e1", "f0e1"], "device": [None, "d1"]})
    >>> resolve(seen).table["customer_id"].tolist()
    ['7', '7', '7']
    """
    codes, names = {}, {}
    for kind in KINDS:
        codes[kind], names[kind] = pd.factorize(seen[kind], sort=True)
    persons = _persons(codes, names)
    account_person, email_person = persons
    ids = _customer_ids(account_person, email_person, names)
    owner = _owners(codes, persons, len(names["device"]))
    of_device = "device:" + names["device"].to_numpy(dtype=object)
    of_device[owner >= 0] = ids[owner[owner >= 0]]
    found = {"account": ids[account_person], "email": ids[email_person], "device": of_device}
    table = pd.concat(
        [pd.DataFrame({"kind": kind, "identifier": names[kind], "customer_id": found[kind]}) for kind in KINDS],
        ignore_index=True,
    )
    return Identities(
        table=table.astype("str"),
        shared_devices=int((owner == SHARED).sum()),
        joined_accounts=len(names["account"]) - len(np.unique(account_person)),
        joined_devices=int((owner >= 0).sum()),
        anonymous_devices=int((owner == NOBODY).sum()),
    )


NOBODY: Final = -1
SHARED: Final = -2


def _persons(codes: dict[str, np.ndarray], names: dict[str, pd.Index]) -> tuple[np.ndarray, np.ndarray]:
    """Number of the connected component of each account and of each address."""
    accounts, emails = len(names["account"]), len(names["email"])
    together = (codes["account"] >= 0) & (codes["email"] >= 0)
    rows, columns = codes["account"][together], accounts + codes["email"][together]
    graph = coo_matrix((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(accounts + emails,) * 2)
    component = connected_components(graph, directed=False)[1]
    return component[:accounts], component[accounts:]


def _customer_ids(account_person: np.ndarray, email_person: np.ndarray, names: dict[str, pd.Index]) -> np.ndarray:
    """The id of each person, by its number."""
    known = pd.concat(
        [
            pd.DataFrame({"person": account_person, "id": names["account"], "rank": 0}),
            pd.DataFrame({"person": email_person, "id": "email:" + names["email"].str.slice(0, 16), "rank": 1}),
        ],
        ignore_index=True,
    )
    known["length"] = known["id"].str.len()
    known = known.sort_values(["rank", "length", "id"], kind="stable")
    return known.drop_duplicates("person").sort_values("person")["id"].to_numpy(dtype=object)


def _owners(codes: dict[str, np.ndarray], persons: tuple[np.ndarray, np.ndarray], devices: int) -> np.ndarray:
    """For each device the person seen on it, `NOBODY` or `SHARED`."""
    account_person, email_person = persons
    person = np.full(len(codes["device"]), NOBODY)
    for of_kind, code in ((email_person, codes["email"]), (account_person, codes["account"])):
        person[code >= 0] = of_kind[code[code >= 0]]
    seen = (codes["device"] >= 0) & (person >= 0)
    pairs = pd.DataFrame({"device": codes["device"][seen], "person": person[seen]}).drop_duplicates()
    owner = np.full(devices, NOBODY)
    owner[pairs["device"]] = pairs["person"]
    counts = np.bincount(pairs["device"], minlength=devices)
    owner[counts > 1] = SHARED
    return owner
