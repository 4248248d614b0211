-- The statement in the log. MySQL. One statement a line.
set session binlog_rows_query_log_events = 1
update full_rows set b = 'told' where id = 1
