"""What runs inside a browser, in Pyodide: cells and checks, and what takes the place of sockets, threads and processes.

Nothing here imports Pyodide. What the page should hear is handed to a function that `python.js` brings.

    page      what the page asks for: run a cell, check an answer, a hint, a solution
    cell      runs a cell, and hands on what it prints, shows and raises
    lines     says now and then which line is running
    lua       Lua for the Redis inside this process
    turns     threads that take turns
    tests     lesson 5's tests, and the check of an exercise, without a process of their own

Mail without a network is `lessons/kit/wire.py`.
"""
