"""`verify`: a real Taqnyat account is asked how it answers, and that is held beside what we expect.

`calls` has what is asked and expected, `shape` what of an answer may be kept, `asking` makes the
calls by the gateway's own client, `document` is the file, `mailbox` what a person alone can see.
"""
