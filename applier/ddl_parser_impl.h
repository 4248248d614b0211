// applier/ddl_parser_impl.h: the recursive-descent parser behind ddl_parser.h; for its files only.
//
// The first failure sticks: it moves to the end of the text, so that every loop ends.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "applier/ddl_ast.h"
#include "applier/ddl_parser.h"

namespace tiderelay::applier {

class DdlParser {
 public:
  DdlParser(LexedText text, const ParseOptions& options)
      : tokens_(std::move(text.tokens)), clean_(std::move(text.clean)), options_(options) {}

  [[nodiscard]] Result<DdlStatement> parse();

 private:
  // Tokens. at_ stays on kEnd.
  [[nodiscard]] const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  [[nodiscard]] bool at_end() const { return peek().kind == TokenKind::kEnd; }
  [[nodiscard]] bool is(std::string_view word, std::size_t ahead = 0) const {
    return peek(ahead).kind == TokenKind::kWord && same_word(peek(ahead).text, word);
  }
  [[nodiscard]] bool is_symbol(char symbol, std::size_t ahead = 0) const {
    return peek(ahead).kind == TokenKind::kSymbol && peek(ahead).text[0] == symbol;
  }
  [[nodiscard]] bool is_name(std::size_t ahead = 0) const {
    return peek(ahead).kind == TokenKind::kWord || peek(ahead).kind == TokenKind::kQuotedName;
  }
  Token take();
  bool accept(std::string_view word);
  bool accept(std::initializer_list<std::string_view> words);      // all of them in a row, or none
  bool accept_any(std::initializer_list<std::string_view> words);  // one of them
  bool accept_symbol(char symbol);
  void expect(std::string_view word);
  void expect_symbol(char symbol);
  void fail(std::string what);  // "expected ..." or the like; the place is added
  [[nodiscard]] bool failed() const { return failure_.has_value(); }

  // Names and values (ddl_parser.cc)
  std::string name(std::string_view what);
  TableName table_name();
  std::uint64_t number(std::string_view what);
  std::uint32_t small_number(std::string_view what);
  std::string string_literal(std::string_view what);
  std::string word_or_string(std::string_view what);
  std::string charset_name();
  std::string spelled(std::size_t first, std::size_t last) const;  // tokens [first, last) as text
  std::string balanced();                                          // "( ... )": what is inside
  bool if_exists();
  bool if_not_exists();
  void lock_wait();  // MariaDB's WAIT n, NOWAIT

  // Statements (ddl_parser.cc)
  void statement();
  void create();
  void drop();
  void alter();
  void rename();
  void truncate();
  void other_statement();
  void skipped(std::string_view what);
  void classify_object();
  void database_options();
  void create_database();
  void drop_tables();
  void create_index();
  void drop_index();

  // CREATE TABLE (ddl_parser_table.cc)
  void create_table();
  void table_body(TableDefinition& table);
  void table_element(TableDefinition& table);
  void table_tail(TableDefinition& table);
  [[nodiscard]] bool at_key() const;
  bool key_or_constraint(TableDefinition& table);
  Key key_definition(KeyKind kind, std::string constraint_name);
  void key_parts(Key& key);
  void key_options(Key& key);
  ForeignKey foreign_key_definition(std::string constraint_name);
  ForeignKey references();
  Check check_definition(std::string constraint_name);
  bool table_option(TableOptions& options);
  std::string option_value();
  std::string partition_text();

  // Columns (ddl_parser_column.cc)
  ColumnDefinition column_definition(std::string column_name);
  void column_type(ColumnDefinition& definition);
  bool numeric_type(ColumnDefinition& definition, std::string_view word);
  bool time_type(ColumnDefinition& definition, std::string_view word);
  bool text_type(ColumnDefinition& definition, std::string_view word);
  bool special_type(ColumnDefinition& definition, std::string_view word);
  void national_type(ColumnDefinition& definition);
  void float_arguments(Column& column);
  void number_attributes(Column& column, std::string text);
  void charset_attributes(ColumnDefinition& definition);
  void elements(Column& column);
  void column_attributes(ColumnDefinition& definition);
  bool key_attribute(ColumnDefinition& definition);
  bool value_attribute(ColumnDefinition& definition);
  bool constraint_attribute(ColumnDefinition& definition);
  bool storage_attribute(ColumnDefinition& definition);
  void generated(Column& column);
  std::string default_value();
  std::optional<std::string> now_function();

  // ALTER TABLE (ddl_parser_alter.cc)
  void alter_table();
  void alter_clause();
  void add_clause(AlterClause clause);
  void add_columns(AlterClause clause);
  void drop_clause(AlterClause clause);
  void modify_clause(AlterClause clause, bool change);
  void alter_column_clause(AlterClause clause);
  void rename_clause(AlterClause clause);
  bool partition_clause(AlterClause& clause);
  bool row_partition_clause(AlterClause& clause);
  bool clause_without_effect(AlterClause& clause);
  void partition_names(AlterClause& clause);
  void options_clause(AlterClause clause);
  ColumnPosition position();
  void push(AlterClause clause);

  std::vector<Token> tokens_;
  std::string clean_;
  const ParseOptions& options_;
  std::size_t at_ = 0;
  std::optional<Error> failure_;
  DdlStatement out_;
};

}  // namespace tiderelay::applier
