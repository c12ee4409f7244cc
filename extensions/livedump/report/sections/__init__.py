"""One section for each question: ``document`` says a record, ``rows`` lists what of it fills a table of its own."""
