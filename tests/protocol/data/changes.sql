-- Changes of every kind, in full and in part. MySQL 5.7 and later, MariaDB without the last lines. One statement a line.
create table full_rows (id int primary key, a int, b varchar(20), c text, d datetime(3) default '2024-01-01 00:00:00.5')
insert into full_rows (id, a, b, c) values (1, 10, 'one', 'text one'), (2, 20, 'two', null), (3, 30, 'three', 'text three'), (4, null, null, null), (5, 50, 'five', '')
update full_rows set a = a + 1, b = concat(b, '!') where id < 4
update full_rows set id = id + 100 where id = 3
delete from full_rows where id = 2
begin
insert into full_rows (id, a) values (6, 60)
savepoint s
insert into full_rows (id, a) values (7, 70)
rollback to s
update full_rows set c = 'after the savepoint' where id = 6
commit
create table no_key (id int, a int, b varchar(10))
insert into no_key values (1, 1, 'x'), (1, 1, 'x'), (2, null, null)
delete from no_key where id = 1 limit 1
update no_key set a = 5 where id = 2
set session binlog_row_image = 'MINIMAL'
create table part_rows (id int primary key, a int default 7, b varchar(20) default 'd', c text, e enum('x', 'y') not null default 'y')
insert into part_rows (id) values (1), (2), (3)
insert into part_rows (id, c) values (4, 'long text')
insert into part_rows values (5, null, null, null, 'x'), (6, 6, 'six', 'c6', 'y')
update part_rows set a = 8 where id = 1
update part_rows set b = null, c = 'new' where id in (2, 4)
update part_rows set id = 50, e = 'y' where id = 5
delete from part_rows where id = 3
create table wide (id int primary key, c01 int, c02 int, c03 int, c04 int, c05 int, c06 int, c07 int, c08 int, c09 int, c10 int, c11 int, c12 int, c13 int, c14 int, c15 int, c16 int, c17 int)
insert into wide (id, c17) values (1, 17)
insert into wide (id, c08, c09) values (2, 8, 9)
update wide set c01 = 1, c16 = null, c17 = 18 where id = 1
set session binlog_row_image = 'NOBLOB'
update part_rows set a = 9 where id = 4
update part_rows set c = 'blob changed' where id = 4
set session binlog_row_image = 'FULL'
set session binlog_format = 'STATEMENT'
set @x = 5
set @y = cast(1.25 as decimal(10,4))
create table old_style (id int primary key auto_increment, r double, s varchar(30), n bigint unsigned)
insert into old_style (r, s, n) values (rand(7) > 2, @nothing, 1)
insert into old_style (r, s, n) values (@x * @y, 'variables', 18446744073709551615)
set session binlog_format = 'ROW'
truncate table old_style
