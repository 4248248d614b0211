-- JSON documents above 64 KiB, whose offsets are 4 bytes wide; to be captured compressed. One statement a line.
create table large (id int primary key, j json)
insert into large values (1, concat('{"', repeat('k', 60000), '": [100000, "x", -70000, 4000000000, 1.25, null, 7], "', repeat('l', 60000), '": {"a": true, "b": -1, "c": 65535, "d": 2147483647, "e": 4294967295, "f": "last"}}'))
insert into large values (2, concat('[', repeat('100000, -5, ', 10000), '"end"]')), (3, json_quote(repeat('y', 2097152)))
