CREATE TABLE `child` (
  `id` int NOT NULL,
  `pid` int DEFAULT NULL,
  `x` int DEFAULT NULL,
  `y` int DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `fk1` (`pid`),
  KEY `x` (`x`,`y`),
  CONSTRAINT `child_ibfk_1` FOREIGN KEY (`x`, `y`) REFERENCES `parent` (`x`, `y`),
  CONSTRAINT `fk1` FOREIGN KEY (`pid`) REFERENCES `parent` (`id`) ON DELETE CASCADE ON UPDATE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=latin1;
CREATE TABLE `e80` (
  `id` int NOT NULL /*!80023 INVISIBLE */,
  `a` varchar(36) DEFAULT (uuid()),
  `b` json DEFAULT (json_array()),
  `c` text DEFAULT (_utf8mb3'abc'),
  `d` int DEFAULT ((1 + 2)),
  `e` datetime DEFAULT (now()),
  `f` varchar(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_cs DEFAULT NULL,
  `g` point NOT NULL /*!80003 SRID 4326 */,
  PRIMARY KEY (`id`),
  KEY `inv` (`a`) /*!80000 INVISIBLE */,
  KEY `dd` (`d` DESC),
  SPATIAL KEY `g` (`g`),
  KEY `fx` (((`d` + 1))),
  KEY `fl` ((lower(`a`))),
  KEY `mv` ((cast(json_extract(`b`,_utf8mb3'$.x') as unsigned array))),
  CONSTRAINT `ck2` CHECK ((`d` < 100)) /*!80016 NOT ENFORCED */,
  CONSTRAINT `e80_chk_1` CHECK ((`d` > 0))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci;
CREATE TABLE `e81` (
  `a` int DEFAULT NULL,
  `b` int DEFAULT NULL,
  CONSTRAINT `bb` CHECK ((`b` < 5)),
  CONSTRAINT `e81_chk_1` CHECK ((`a` > 1))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci;
CREATE TABLE `gens` (
  `a` int NOT NULL,
  `b` int GENERATED ALWAYS AS ((`a` + 1)) VIRTUAL,
  `c` int GENERATED ALWAYS AS ((`a` * 2)) STORED,
  `d` varchar(20) GENERATED ALWAYS AS (concat(_utf8mb3'x',`a`)) VIRTUAL,
  PRIMARY KEY (`a`),
  KEY `b` (`b`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;
CREATE TABLE `gipk` (
  `my_row_id` bigint unsigned NOT NULL AUTO_INCREMENT /*!80023 INVISIBLE */,
  `a` int DEFAULT NULL,
  PRIMARY KEY (`my_row_id`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;
CREATE TABLE `j` (
  `a` json DEFAULT NULL,
  `b` int DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=latin1;
CREATE TABLE `ks` (
  `id` int NOT NULL,
  `a` int DEFAULT NULL,
  `b` varchar(100) DEFAULT NULL,
  `c` text,
  `d` int DEFAULT NULL,
  `e` int DEFAULT NULL,
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
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci;
CREATE TABLE `like1` (
  `id` int NOT NULL,
  `a` int DEFAULT NULL,
  `b` varchar(100) DEFAULT NULL,
  `c` text,
  `d` int DEFAULT NULL,
  `e` int DEFAULT NULL,
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
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci;
CREATE TABLE `nopk` (
  `a` int DEFAULT NULL,
  `b` int DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=latin1;
CREATE TABLE `numbers` (
  `a` tinyint DEFAULT NULL,
  `b` tinyint unsigned DEFAULT NULL,
  `c` smallint(5) unsigned zerofill DEFAULT NULL,
  `d` mediumint DEFAULT NULL,
  `e` int unsigned NOT NULL,
  `f` bigint DEFAULT NULL,
  `g` decimal(10,0) DEFAULT NULL,
  `h` decimal(20,4) unsigned DEFAULT '1.5000',
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
) ENGINE=InnoDB DEFAULT CHARSET=latin1;
CREATE TABLE `od``d na.me` (
  `se``lect` int DEFAULT NULL,
  `日本` varchar(3) DEFAULT NULL COMMENT '日本語',
  `a b` int DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=latin1;
CREATE TABLE `opts` (
  `a` int NOT NULL AUTO_INCREMENT,
  PRIMARY KEY (`a`)
) ENGINE=InnoDB AUTO_INCREMENT=1000 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin MAX_ROWS=100 AVG_ROW_LENGTH=10 STATS_PERSISTENT=1 CHECKSUM=1 ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8 COMMENT='opts';
CREATE TABLE `par` (
  `id` int NOT NULL,
  `created` date NOT NULL,
  PRIMARY KEY (`id`,`created`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1
/*!50100 PARTITION BY RANGE (year(`created`))
(PARTITION p0 VALUES LESS THAN (2000) ENGINE = InnoDB,
 PARTITION p1 VALUES LESS THAN (2010) ENGINE = InnoDB,
 PARTITION pm VALUES LESS THAN MAXVALUE ENGINE = InnoDB) */;
CREATE TABLE `par2` (
  `id` int NOT NULL,
  `v` int DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1
/*!50100 PARTITION BY HASH (`id`)
PARTITIONS 4 */;
CREATE TABLE `par3` (
  `id` int NOT NULL,
  `s` varchar(10) NOT NULL,
  KEY `id` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1
/*!50500 PARTITION BY LIST  COLUMNS(s)
(PARTITION a VALUES IN ('a','b') ENGINE = InnoDB,
 PARTITION b VALUES IN ('c') ENGINE = InnoDB) */;
CREATE TABLE `parent` (
  `id` int NOT NULL,
  `x` int DEFAULT NULL,
  `y` int DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `x` (`x`,`y`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;
CREATE TABLE `spat` (
  `id` int NOT NULL,
  `g` geometry NOT NULL,
  `p` point DEFAULT NULL,
  PRIMARY KEY (`id`),
  SPATIAL KEY `g` (`g`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;
CREATE TABLE `texts` (
  `a` char(1) DEFAULT NULL,
  `b` char(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci DEFAULT NULL,
  `c` varchar(20) CHARACTER SET latin1 COLLATE latin1_bin DEFAULT NULL,
  `d` text,
  `e` tinytext CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci,
  `f` mediumtext,
  `g` longtext,
  `h` binary(1) DEFAULT NULL,
  `i` binary(5) DEFAULT NULL,
  `j` varbinary(30) DEFAULT NULL,
  `k` tinyblob,
  `l` blob,
  `m` mediumblob,
  `n` longblob,
  `o` enum('a','b''c','d','é') DEFAULT 'a',
  `p` set('x','y') CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci DEFAULT NULL,
  `q` char(5) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin DEFAULT NULL,
  `r` char(3) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci DEFAULT NULL,
  `s` varchar(7) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci DEFAULT NULL,
  `t` text,
  `u` mediumblob,
  `v` varbinary(10) DEFAULT NULL,
  `w` mediumtext,
  `x` text CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
CREATE TABLE `times` (
  `a` date DEFAULT NULL,
  `b` datetime DEFAULT NULL,
  `c` datetime(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
  `d` timestamp NULL DEFAULT NULL,
  `e` timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  `f` time DEFAULT NULL,
  `g` time(2) DEFAULT '01:02:03.45',
  `h` year DEFAULT NULL,
  `j` timestamp NULL DEFAULT '2020-01-01 00:00:00'
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COMMENT='it''s a \\ "test"\nnew line';
