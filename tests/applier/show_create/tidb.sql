CREATE TABLE `child` (
  `id` int NOT NULL,
  `pid` int DEFAULT NULL,
  `x` int DEFAULT NULL,
  `y` int DEFAULT NULL,
  PRIMARY KEY (`id`) /*T![clustered_index] CLUSTERED */,
  KEY `fk1` (`pid`),
  KEY `fk_2` (`x`,`y`),
  CONSTRAINT `fk1` FOREIGN KEY (`pid`) REFERENCES `parent` (`id`) ON DELETE CASCADE ON UPDATE SET NULL,
  CONSTRAINT `fk_2` FOREIGN KEY (`x`,`y`) REFERENCES `parent` (`x`,`y`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_bin;
CREATE TABLE `gens` (
  `a` int NOT NULL,
  `b` int GENERATED ALWAYS AS (`a` + 1) VIRTUAL,
  `c` int GENERATED ALWAYS AS (`a` * 2) STORED,
  `d` varchar(20) GENERATED ALWAYS AS (concat(_utf8'x', `a`)) VIRTUAL,
  PRIMARY KEY (`a`) /*T![clustered_index] CLUSTERED */,
  KEY `b` (`b`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_bin;
CREATE TABLE `j` (
  `a` json DEFAULT NULL,
  `b` int DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_bin;
CREATE TABLE `ks` (
  `id` int NOT NULL,
  `a` int DEFAULT NULL,
  `b` varchar(100) DEFAULT NULL,
  `c` text DEFAULT NULL,
  `d` int DEFAULT NULL,
  `e` int DEFAULT NULL,
  PRIMARY KEY (`id`) /*T![clustered_index] CLUSTERED */,
  UNIQUE KEY `u1` (`a`,`b`(10)),
  KEY `b` (`b`),
  KEY `b_2` (`b`),
  KEY `k3` (`c`(20)),
  KEY `k4` (`a`,`b`),
  UNIQUE KEY `d` (`d`) COMMENT 'a key',
  KEY `a` (`a`),
  UNIQUE KEY `e` (`e`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `like1` (
  `id` int NOT NULL,
  `a` int DEFAULT NULL,
  `b` varchar(100) DEFAULT NULL,
  `c` text DEFAULT NULL,
  `d` int DEFAULT NULL,
  `e` int DEFAULT NULL,
  PRIMARY KEY (`id`) /*T![clustered_index] CLUSTERED */,
  UNIQUE KEY `u1` (`a`,`b`(10)),
  KEY `b` (`b`),
  KEY `b_2` (`b`),
  KEY `k3` (`c`(20)),
  KEY `k4` (`a`,`b`),
  UNIQUE KEY `d` (`d`) COMMENT 'a key',
  KEY `a` (`a`),
  UNIQUE KEY `e` (`e`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `nopk` (
  `a` int DEFAULT NULL,
  `b` int DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_bin;
CREATE TABLE `numbers` (
  `a` tinyint DEFAULT NULL,
  `b` tinyint(1) unsigned DEFAULT NULL,
  `c` smallint(5) unsigned zerofill DEFAULT NULL,
  `d` mediumint DEFAULT NULL,
  `e` int unsigned NOT NULL,
  `f` bigint DEFAULT NULL,
  `g` decimal(10,0) DEFAULT NULL,
  `h` decimal(20,4) unsigned DEFAULT '1.5',
  `i` float DEFAULT NULL,
  `j` float(7,3) DEFAULT NULL,
  `k` double DEFAULT NULL,
  `l` double DEFAULT NULL,
  `m` double(10,2) DEFAULT NULL,
  `n` bit(1) DEFAULT NULL,
  `o` bit(17) DEFAULT b'101',
  `p` tinyint(1) DEFAULT '1',
  `q` bigint unsigned NOT NULL AUTO_INCREMENT,
  `r` double DEFAULT NULL,
  `s` decimal(5,0) DEFAULT NULL,
  `t` int DEFAULT '-5',
  UNIQUE KEY `q` (`q`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_bin;
CREATE TABLE `od``d na.me` (
  `se``lect` int DEFAULT NULL,
  `日本` varchar(3) DEFAULT NULL COMMENT '日本語',
  `a b` int DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_bin;
CREATE TABLE `opts` (
  `a` int NOT NULL AUTO_INCREMENT,
  PRIMARY KEY (`a`) /*T![clustered_index] CLUSTERED */
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin AUTO_INCREMENT=1000 COMMENT='opts';
CREATE TABLE `par` (
  `id` int NOT NULL,
  `created` date NOT NULL,
  PRIMARY KEY (`id`,`created`) /*T![clustered_index] CLUSTERED */
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_bin
PARTITION BY RANGE (YEAR(`created`))
(PARTITION `p0` VALUES LESS THAN (2000),
 PARTITION `p1` VALUES LESS THAN (2010),
 PARTITION `pm` VALUES LESS THAN (MAXVALUE));
CREATE TABLE `par2` (
  `id` int NOT NULL,
  `v` int DEFAULT NULL,
  PRIMARY KEY (`id`) /*T![clustered_index] CLUSTERED */
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_bin
PARTITION BY HASH (`id`) PARTITIONS 4;
CREATE TABLE `par3` (
  `id` int NOT NULL,
  `s` varchar(10) NOT NULL,
  KEY `id` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_bin
PARTITION BY LIST COLUMNS(`s`)
(PARTITION `a` VALUES IN ('a','b'),
 PARTITION `b` VALUES IN ('c'));
CREATE TABLE `parent` (
  `id` int NOT NULL,
  `x` int DEFAULT NULL,
  `y` int DEFAULT NULL,
  PRIMARY KEY (`id`) /*T![clustered_index] CLUSTERED */,
  KEY `x` (`x`,`y`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_bin;
CREATE TABLE `texts` (
  `a` char(1) DEFAULT NULL,
  `b` char(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  `c` varchar(20) CHARACTER SET latin1 COLLATE latin1_bin DEFAULT NULL,
  `d` text DEFAULT NULL,
  `e` tinytext CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci DEFAULT NULL,
  `f` mediumtext DEFAULT NULL,
  `g` longtext DEFAULT NULL,
  `h` binary(1) DEFAULT NULL,
  `i` binary(5) DEFAULT NULL,
  `j` varbinary(30) DEFAULT NULL,
  `k` tinyblob DEFAULT NULL,
  `l` blob DEFAULT NULL,
  `m` mediumblob DEFAULT NULL,
  `n` longblob DEFAULT NULL,
  `o` enum('a','b''c','d','é') DEFAULT 'a',
  `p` set('x','y') CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  `q` char(5) DEFAULT NULL,
  `r` char(3) DEFAULT NULL,
  `s` varchar(7) DEFAULT NULL,
  `t` text DEFAULT NULL,
  `u` mediumblob DEFAULT NULL,
  `v` varbinary(10) DEFAULT NULL,
  `w` mediumtext DEFAULT NULL,
  `x` text CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8 COLLATE=utf8_bin;
CREATE TABLE `times` (
  `a` date DEFAULT NULL,
  `b` datetime DEFAULT NULL,
  `c` datetime(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
  `d` timestamp NULL DEFAULT NULL,
  `e` timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  `f` time DEFAULT NULL,
  `g` time(2) DEFAULT '01:02:03.45',
  `h` year(4) DEFAULT NULL,
  `j` timestamp DEFAULT '2020-01-01 00:00:00'
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_bin COMMENT='it''s a \\ "test"\nnew line';
