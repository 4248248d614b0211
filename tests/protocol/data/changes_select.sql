-- CREATE TABLE ... SELECT with GTIDs: MySQL 8.0.21 and later, MariaDB. One statement a line.
create table moved as select id, a from full_rows
