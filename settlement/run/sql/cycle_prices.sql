-- The prices of a cycle, the same in every partition (control_sums.sql).
SELECT DISTINCT contract, price_nano, value_minor, tier
FROM price
WHERE business_date = $business_date AND kind = $kind AND number = $number
ORDER BY contract
