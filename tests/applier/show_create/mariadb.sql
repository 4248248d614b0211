CREATE TABLE `child` (
  `id` int(11) NOT NULL,
  `pid` int(11) DEFAULT NULL,
  `x` int(11) DEFAULT NULL,
  `y` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `fk1` (`pid`),
  KEY `x` (`x`,`y`),
  CONSTRAINT `child_ibfk_1` FOREIGN KEY (`x`, `y`) REFERENCES `parent` (`x`, `y`),
  CONSTRAINT `fk1` FOREIGN KEY (`pid`) REFERENCES `parent` (`id`) ON DELETE CASCADE ON UPDATE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
CREATE TABLE `gens` (
  `a` int(11) NOT NULL,
  `b` int(11) GENERATED ALWAYS AS (`a` + 1) VIRTUAL,
  `c` int(11) GENERATED ALWAYS AS (`a` * 2) STORED,
  `d` varchar(20) GENERATED ALWAYS AS (concat('x',`a`)) VIRTUAL,
  PRIMARY KEY (`a`),
  KEY `b` (`b`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
CREATE TABLE `j` (
  `a` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL CHECK (json_valid(`a`)),
  `b` int(11) DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
CREATE TABLE `ks` (
  `id` int(11) NOT NULL,
  `a` int(11) DEFAULT NULL,
  `b` varchar(100) DEFAULT NULL,
  `c` text DEFAULT NULL,
  `d` int(11) DEFAULT NULL,
  `e` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `e` (`e`),
  UNIQUE KEY `d` (`d`) COMMENT 'a key',
  UNIQUE KEY `u1` (`a`,`b`(10)),
  KEY `b` (`b`),
  KEY `b_2` (`b`),
  KEY `k3` (`c`(20)),
  KEY `k4` (`a` DESC,`b`),
  KEY `a` (`a`) USING BTREE,
  FULLTEXT KEY `ft` (`c`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `like1` (
  `id` int(11) NOT NULL,
  `a` int(11) DEFAULT NULL,
  `b` varchar(100) DEFAULT NULL,
  `c` text DEFAULT NULL,
  `d` int(11) DEFAULT NULL,
  `e` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `e` (`e`),
  UNIQUE KEY `d` (`d`) COMMENT 'a key',
  UNIQUE KEY `u1` (`a`,`b`(10)),
  KEY `b` (`b`),
  KEY `b_2` (`b`),
  KEY `k3` (`c`(20)),
  KEY `k4` (`a` DESC,`b`),
  KEY `a` (`a`) USING BTREE,
  FULLTEXT KEY `ft` (`c`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
CREATE TABLE `m1` (
  `id` int(11) NOT NULL,
  `a` varchar(36) DEFAULT uuid(),
  `b` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL CHECK (json_valid(`b`)),
  `c` text DEFAULT 'abc',
  `d` int(11) DEFAULT (1 + 2),
  `e` datetime DEFAULT current_timestamp(),
  `f` uuid DEFAULT NULL,
  `g` inet6 DEFAULT NULL,
  `h` inet4 DEFAULT NULL,
  `i` int(11) INVISIBLE DEFAULT NULL,
  `j` varchar(100) /*M!100301 COMPRESSED*/ DEFAULT NULL,
  `k` text /*M!100301 COMPRESSED*/ DEFAULT NULL,
  `l` int(11) DEFAULT NULL CHECK (`l` > 3),
  `m` int(11) GENERATED ALWAYS AS (`d`) STORED,
  `n` timestamp NULL DEFAULT NULL,
  `o` timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  `p` longtext DEFAULT NULL CHECK (json_valid(`p`)),
  `q` varchar(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_uca1400_ai_ci DEFAULT NULL,
  `r` int(11) DEFAULT nextval(`c`.`seq1`),
  PRIMARY KEY (`id`),
  KEY `dd` (`d`) IGNORED,
  KEY `de` (`d` DESC),
  CONSTRAINT `CONSTRAINT_1` CHECK (`d` > 0),
  CONSTRAINT `ck2` CHECK (`d` < 100)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci `page_compressed`='1';
CREATE TABLE `m2` (
  `a` varchar(10) CHARACTER SET utf8mb3 COLLATE utf8mb3_uca1400_as_cs DEFAULT NULL,
  `b` char(3) DEFAULT NULL,
  `c` date DEFAULT curdate()
) ENGINE=Aria DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci PAGE_CHECKSUM=1 TRANSACTIONAL=1;
CREATE TABLE `m4` (
  `a` int(11) DEFAULT NULL,
  `s` date NOT NULL,
  `e` date NOT NULL,
  PERIOD FOR `p` (`s`, `e`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
CREATE TABLE `nopk` (
  `a` int(11) DEFAULT NULL,
  `b` int(11) DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
CREATE TABLE `numbers` (
  `a` tinyint(4) DEFAULT NULL,
  `b` tinyint(1) unsigned DEFAULT NULL,
  `c` smallint(5) unsigned zerofill DEFAULT NULL,
  `d` mediumint(9) DEFAULT NULL,
  `e` int(10) unsigned NOT NULL,
  `f` bigint(20) DEFAULT NULL,
  `g` decimal(10,0) DEFAULT NULL,
  `h` decimal(20,4) unsigned DEFAULT 1.5000,
  `i` float DEFAULT NULL,
  `j` float(7,3) DEFAULT NULL,
  `k` double DEFAULT NULL,
  `l` double DEFAULT NULL,
  `m` double(10,2) DEFAULT NULL,
  `n` bit(1) DEFAULT NULL,
  `o` bit(17) DEFAULT b'101',
  `p` tinyint(1) DEFAULT 1,
  `q` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `r` double DEFAULT NULL,
  `s` decimal(5,0) DEFAULT NULL,
  `t` int(11) DEFAULT -5,
  UNIQUE KEY `q` (`q`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
CREATE TABLE `od``d na.me` (
  `se``lect` int(11) DEFAULT NULL,
  `日本` varchar(3) DEFAULT NULL COMMENT '日本語',
  `a b` int(11) DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
CREATE TABLE `opts` (
  `a` int(11) NOT NULL AUTO_INCREMENT,
  PRIMARY KEY (`a`)
) ENGINE=InnoDB AUTO_INCREMENT=1000 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin MAX_ROWS=100 AVG_ROW_LENGTH=10 STATS_PERSISTENT=1 CHECKSUM=1 ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8 COMMENT='opts';
CREATE TABLE `par` (
  `id` int(11) NOT NULL,
  `created` date NOT NULL,
  PRIMARY KEY (`id`,`created`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci
 PARTITION BY RANGE (year(`created`))
(PARTITION `p0` VALUES LESS THAN (2000) ENGINE = InnoDB,
 PARTITION `p1` VALUES LESS THAN (2010) ENGINE = InnoDB,
 PARTITION `pm` VALUES LESS THAN MAXVALUE ENGINE = InnoDB);
CREATE TABLE `par2` (
  `id` int(11) NOT NULL,
  `v` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci
 PARTITION BY HASH (`id`)
PARTITIONS 4;
CREATE TABLE `par3` (
  `id` int(11) NOT NULL,
  `s` varchar(10) NOT NULL,
  KEY `id` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci
 PARTITION BY LIST  COLUMNS(`s`)
(PARTITION `a` VALUES IN ('a','b') ENGINE = InnoDB,
 PARTITION `b` VALUES IN ('c') ENGINE = InnoDB);
CREATE TABLE `parent` (
  `id` int(11) NOT NULL,
  `x` int(11) DEFAULT NULL,
  `y` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `x` (`x`,`y`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
CREATE TABLE `spat` (
  `id` int(11) NOT NULL,
  `g` geometry NOT NULL,
  `p` point DEFAULT NULL,
  PRIMARY KEY (`id`),
  SPATIAL KEY `g` (`g`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
CREATE TABLE `texts` (
  `a` char(1) DEFAULT NULL,
  `b` char(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci DEFAULT NULL,
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
  `p` set('x','y') CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci DEFAULT NULL,
  `q` char(5) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin DEFAULT NULL,
  `r` char(3) DEFAULT NULL,
  `s` varchar(7) DEFAULT NULL,
  `t` text DEFAULT NULL,
  `u` mediumblob DEFAULT NULL,
  `v` varbinary(10) DEFAULT NULL,
  `w` mediumtext DEFAULT NULL,
  `x` text CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
CREATE TABLE `times` (
  `a` date DEFAULT NULL,
  `b` datetime DEFAULT NULL,
  `c` datetime(3) DEFAULT current_timestamp(3) ON UPDATE current_timestamp(3),
  `d` timestamp NULL DEFAULT NULL,
  `e` timestamp(6) NOT NULL DEFAULT current_timestamp(6),
  `f` time DEFAULT NULL,
  `g` time(2) DEFAULT '01:02:03.45',
  `h` year(4) DEFAULT NULL,
  `i` datetime DEFAULT '0000-00-00 00:00:00',
  `j` timestamp NULL DEFAULT '2020-01-01 00:00:00'
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci COMMENT='it''s a \\ "test"\nnew line';
