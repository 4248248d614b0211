// applier/ddl_parser.h: turns a statement of a binlog, or what SHOW CREATE TABLE answers, into a
// DdlStatement.
//
// In:     one statement of MySQL 5.6 to 9.x, MariaDB or TiDB, as UTF-8.
// Out:    statements that change tables or databases whole; others by class (kSkipped) or kUnknown.
// Errors: kUnsupported with the place for a table statement that does not parse.
// Limits: expressions, partition definitions and the bodies of routines are kept as text.
// Source: MySQL sql/sql_yacc.yy; MariaDB sql/sql_yacc.yy; TiDB parser/parser.y.
#pragma once

#include <string_view>

#include "applier/ddl_ast.h"
#include "applier/ddl_lexer.h"

namespace tiderelay::applier {

struct ParseOptions {
  LexOptions lex;
  bool real_as_float = false;  // sql_mode REAL_AS_FLOAT
};

// The sql_mode bits that change how a text reads; `dialect` and `server_version` stay as they are.
void set_sql_mode(ParseOptions& options, std::uint64_t sql_mode);

[[nodiscard]] Result<DdlStatement> parse_statement(std::string_view sql,
                                                   const ParseOptions& options);

}  // namespace tiderelay::applier
