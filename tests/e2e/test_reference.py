"""The API reference runs under the policy of all pages."""

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Devices
from tests.support import Server

pytestmark = pytest.mark.slow


def test_the_reference_lists_every_operation_and_asks_no_other_host(devices: Devices, house: Server) -> None:
    page = devices().new_page()
    page.goto(f"{house.url}/api/docs")
    document = page.request.get(f"{house.url}/api/openapi.json").json()
    operations = sum(
        len([each for each in path if each in {"get", "put", "post", "patch", "delete"}]) for path in document["paths"].values()
    )
    assert operations > 80
    expect(page.locator(".opblock-tag").first).to_be_visible()
    for section in page.locator(".opblock-tag").all():
        section.click()
    expect(page.locator(".opblock")).to_have_count(operations)
    page.locator(".opblock").first.get_by_role("button").first.click()
    expect(page.locator(".opblock.is-open")).to_be_visible()
