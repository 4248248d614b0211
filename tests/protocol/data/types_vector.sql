-- MySQL 9.0 and later. One statement a line.
create table vectors (id int primary key, v vector(4), w vector)
insert into vectors values (1, string_to_vector('[1,2.5,-3e10,0.1]'), string_to_vector('[0]')), (2, null, null)
