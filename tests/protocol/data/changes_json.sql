-- Partial updates of JSON. MySQL 8.0 and later. One statement a line.
set session binlog_row_value_options = 'PARTIAL_JSON'
create table part_json (id int primary key, j json, k json, t varchar(10))
insert into part_json values (1, '{"a": 1, "b": [1, 2, 3], "pad": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}', '[1]', 't'), (2, null, '{"a": 1, "pad": "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}', null)
update part_json set j = json_set(j, '$.a', 2), k = '[2]' where id = 1
update part_json set k = json_remove(k, '$.a'), t = 'u' where id = 2
update part_json set j = json_replace(j, '$.b[1]', 'two', '$.a', 3), k = json_array_append(k, '$', 5) where id = 1
set session binlog_row_image = 'MINIMAL'
update part_json set k = json_set(k, '$.z', 1) where id = 2
update part_json set t = 'only' where id = 1
