"""The tests. `python -m pytest` runs them, in this folder; so does `make check-9`, among other checks."""


def test_the_page_is_there(browser):
    assert browser.get("/").status_code == 200


def test_somebody_without_an_account_has_no_data(browser, fake_jobs):
    assert browser.post("/data", data={"name": "nobody"}).status_code == 404
    assert fake_jobs() == []


def test_the_goodbye_goes_to_the_one_who_leaves(browser, fake_jobs, outbox):
    assert browser.post("/goodbye", data={"name": "grace"}).status_code == 200
    assert all(to == "grace@example.com" for to, _ in outbox)
