// applier/schema_sql.h: spells a TableSchema as CREATE TABLE, nothing left to defaults. What
// build_table() makes of the text is the same schema again (but for Key::made_for_foreign_key).
//
// Strings are spelled with backslash escapes: send it without NO_BACKSLASH_ESCAPES in sql_mode.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "applier/table_schema.h"

namespace tiderelay::applier {

[[nodiscard]] std::string qualified_name(const TableName& name);
[[nodiscard]] std::string column_sql(const Column& column);  // "`a` int(11) NOT NULL"
[[nodiscard]] std::string key_sql(const Key& key);           // "UNIQUE KEY `b` (`b`)"
[[nodiscard]] std::string key_parts_sql(const Key& key);     // "(`b`,`c`(10) DESC)"
[[nodiscard]] std::string foreign_key_sql(const ForeignKey& key);
[[nodiscard]] std::string check_sql(const Check& check);
[[nodiscard]] std::string create_sql(const TableSchema& schema);

}  // namespace tiderelay::applier
