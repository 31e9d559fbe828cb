-- What a cycle's lines are, as margin_lines.sql left them. The order of the columns is that of MarginLine.
SELECT business_date, kind, number, partition, line, account, contract,
    start, bought, sold, transferred, expired, "end", start_long, start_short, end_long, end_short,
    previous_nano, previous_value_minor, price_nano, value_minor,
    tvar_minor, smtm_minor, imtm_minor, fmtm_minor, cres_minor, adj_minor, fee_minor,
    needs_price
FROM line
WHERE business_date = $business_date AND kind = $kind AND number = $number
ORDER BY account, contract
