-- Every fill of a business date ($business_date): what statements list.
SELECT stream_seq, business_date, trade_date, kind, fill_id, trade_id, account, contract, side, position_effect, lots, price_nano, value_minor,
    fee_minor, cres_minor, adj_minor, trade_type, executed_at_us, feed, source_seq, corrects, control_id
FROM fill
WHERE business_date = $business_date
ORDER BY account, contract, partition, stream_seq
