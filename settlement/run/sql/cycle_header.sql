-- Whom a cycle is of: its effective date and its control.
SELECT DISTINCT effective_date, control_id
FROM cycle
WHERE business_date = $business_date AND kind = $kind AND number = $number
