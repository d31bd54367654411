"""The course as a site that needs no server program: `make site` builds it, and Python runs in the reader's browser.

    python -m lessons.browser

In the order in which it is worth reading:

    build.py          what the site consists of
    pages.py          its pages, as HTML
    lesson_body.py    the cells of a lesson and its exercise, on its page
    markup.py         prose, code and stored outputs, as HTML
    wording.py        what a lesson says differently on a page
    archive.py        the modules that Python loads there
    compiled.py       compiles them when the site is built
                      (page/snapshot.mjs then keeps the memory of a Python that has imported them)
    serve.py          a server, to look at it

In `page/`, what a browser runs. `page.js` is the beginning, `lesson.js` and `exercise.js` are what a reader works with, and
`interpreter.js` talks to `python.js`, the worker in which Python runs. In `inside/`, what Python runs there.
"""
