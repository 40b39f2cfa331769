"""The automatic choice, piece by piece.

`rounded` prepares the columns; `evidence` and `near` make the candidates; `moments` and `consistency` say what refutes
a copula and which columns to ask; `weighing` chooses; `findings` puts the data into words.
`infocore.estimators.AutoMI` calls them in this order.
"""
