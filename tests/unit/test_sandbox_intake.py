"""The sandbox's reading of HTTP heads, without a socket."""

from hypothesis import given
from hypothesis import strategies as st

from sync.sandbox.intake import BadRequest, parse_head


@given(st.binary(max_size=200))
def test_no_head_breaks_the_parser(head):
    """Any bytes are a request or a BadRequest, nothing else."""
    try:
        method, target, _, headers = parse_head(head)
    except BadRequest as error:
        assert error.status == 400
    else:
        assert "#" not in target and " " not in method
        assert all(name == name.lower() for name in headers)
