"""The course in a browser: a static site, on which the lessons run in Pyodide, which is Python compiled to WebAssembly."""
