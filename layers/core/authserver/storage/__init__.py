"""The ports: what the use cases ask of a database, in the verbs of the RFCs, a module for each subject.

Laws that every implementation keeps (``tests/contract`` proves them on each):

- Every verb that changes something is one atomic write, and conditional wherever what is there already matters. The
  success of such a write is the only licence to issue. Sessions, requests and access tokens are put without a
  condition: their identifiers are 128 random bits, drawn for that write.
- What takes a power away is a verb of `withdrawals.WithdrawalStore`, of which `revocations.RevocationStore` is a part,
  and of no other port. It raises the epoch of what it ends in the write that changes the record, so that nothing can
  happen between the two.
- Every read is strongly consistent, but for lists (`lists.Page`), which people look at and which decide nothing.
- Expiry is compared by whoever reads; an item that is still there is not thereby alive.
- A store that does not answer raises `errors.TemporarilyUnavailable`; nothing is half done.
- Stores of a session (`services.Services.by`) write only while that session stands, else they raise
  `browsers.SessionOver`.
"""
