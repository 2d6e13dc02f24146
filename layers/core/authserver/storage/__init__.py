"""The ports of the database, in the verbs of the RFCs, one module per subject.

Laws that every implementation keeps (``tests/contract`` shows them for each):

- Every verb that changes something is one atomic write, and conditional if the present content matters. The success of
  such a write is the only licence to issue. Sessions, requests and access tokens are put without a condition: their
  identifiers are 128 random bits, drawn for that write.
- What takes a power away is a verb of `withdrawals.WithdrawalStore`, of which `revocations.RevocationStore` is a part,
  and of no other port. It raises the epoch of what it ends in the write that changes the record, so that nothing can
  happen between the two.
- Every read is strongly consistent, except for lists (`lists.Page`), which are shown to people and decide nothing.
- The caller compares expiry. An item that still exists may have expired.
- A store that does not answer raises `errors.TemporarilyUnavailable`, and nothing is half done.
- The stores of a session (`services.Services.by`) write only while that session stands, and raise
  `browsers.SessionOver` otherwise.
"""
