"""The `timos` command. Journal commands are clients of the API with a token, even on the machine that serves it."""
