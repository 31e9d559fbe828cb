-- The currency of every contract, by its newest terms.
SELECT contract, arg_max(currency, version)
FROM listing
GROUP BY contract
ORDER BY contract
