-- Tagged GTIDs. MySQL 8.3 and later. One statement a line.
set gtid_next = 'automatic:blue'
create table tagged (id int primary key)
set gtid_next = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee:red_1:77'
insert into tagged values (1)
set gtid_next = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee:9223372036854775806'
insert into tagged values (2)
set gtid_next = 'automatic'
insert into tagged values (3)
flush binary logs
insert into tagged values (4)
