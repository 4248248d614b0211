-- What MariaDB compresses with log_bin_compress. One statement a line.
create table squeezed (id int primary key, t text)
insert into squeezed values (1, repeat('x', 1000))
update squeezed set t = repeat('y', 1000)
delete from squeezed
