-- Two-phase transactions. One statement a line.
create table prepared (id int primary key, a int)
xa start 'gtrid','bqual',7
insert into prepared values (1, 1)
xa end 'gtrid','bqual',7
xa prepare 'gtrid','bqual',7
xa commit 'gtrid','bqual',7
xa start 'second'
insert into prepared values (2, 2)
xa end 'second'
xa commit 'second' one phase
