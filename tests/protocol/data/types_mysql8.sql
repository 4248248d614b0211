-- Invisible and generated columns, DEFAULT expressions, functional and multi-valued indexes. MySQL 8.0.23 and later.
create table hidden (id int primary key, a int invisible, b int as (a * 2) virtual invisible, c varchar(10) default 'x', key ((a + 1)), key ((lower(c))))
insert into hidden (id, a, c) values (1, 7, 'One'), (2, null, 'Two')
create table tags (id int primary key, j json, key multi ((cast(j->'$.t' as unsigned array))))
insert into tags values (1, '{"t": [1, 2, 3]}'), (2, '{"t": []}')
