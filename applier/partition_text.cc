#include "applier/partition_text.h"

#include <algorithm>
#include <cstdlib>

#include "applier/ddl_lexer.h"

namespace tiderelay::applier {
namespace {

using Definitions = std::vector<std::pair<std::string, std::string>>;

bool is_symbol(const Token& token, char symbol) {
  return token.kind == TokenKind::kSymbol && token.text[0] == symbol;
}
bool is_word(const Token& token, std::string_view word) {
  return token.kind == TokenKind::kWord && same_word(token.text, word);
}

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \n\r\t");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \n\r\t") - first + 1));
}

Definitions::iterator find_partition(Definitions& definitions, const std::string& name) {
  return std::find_if(definitions.begin(), definitions.end(),
                      [&name](const auto& one) { return same_word(one.first, name); });
}

Error no_partition(const std::string& name) {
  return Error(Errc::kDiverged, "the table has no partition " + quoted_name(name));
}

Result<void> reorganize(PartitionText& text, const AlterClause& clause, Definitions added) {
  if (clause.partitions.empty()) return {};
  auto place = find_partition(text.definitions, clause.partitions[0]);
  if (place == text.definitions.end()) return no_partition(clause.partitions[0]);
  const auto index = place - text.definitions.begin();
  for (const std::string& name : clause.partitions) {
    place = find_partition(text.definitions, name);
    if (place == text.definitions.end()) return no_partition(name);
    text.definitions.erase(place);
  }
  text.definitions.insert(text.definitions.begin() + index, added.begin(), added.end());
  return {};
}

void resize(PartitionText& text, std::uint64_t count) {
  if (text.definitions.empty()) {
    text.count = count;
    return;
  }
  if (text.count != 0) text.count = count;
  while (text.definitions.size() > count) text.definitions.pop_back();
  for (std::size_t i = text.definitions.size(); i < count; ++i) {
    const std::string name = "p" + std::to_string(i);
    text.definitions.emplace_back(name, "PARTITION " + name);
  }
}

}  // namespace

std::string PartitionText::sql() const {
  std::string out = head;
  if (count > 0) out += " PARTITIONS " + std::to_string(count);
  if (definitions.empty()) return out;
  out += " (";
  for (std::size_t i = 0; i < definitions.size(); ++i)
    out += (i == 0 ? "" : ", ") + definitions[i].second;
  return out + ")";
}

Result<Definitions> split_partition_definitions(std::string_view definitions) {
  const Result<LexedText> text = lex(definitions, {});
  if (!text) return text.error();
  const std::vector<Token>& tokens = text->tokens;
  Definitions out;
  std::size_t first = 0;
  int depth = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (is_symbol(tokens[i], '(')) ++depth;
    if (is_symbol(tokens[i], ')')) --depth;
    const bool end = tokens[i].kind == TokenKind::kEnd;
    if (!end && !(depth == 0 && is_symbol(tokens[i], ','))) continue;
    if (i < first + 2 || !is_word(tokens[first], "PARTITION"))
      return Error(Errc::kUnsupported,
                   "not a partition definition: " + std::string(definitions.substr(0, 60)));
    out.emplace_back(
        tokens[first + 1].text,
        trimmed(definitions.substr(tokens[first].begin, tokens[i].begin - tokens[first].begin)));
    first = i + 1;
  }
  return out;
}

Result<PartitionText> split_partition_text(std::string_view partition_sql) {
  const Result<LexedText> text = lex(partition_sql, {});
  if (!text) return text.error();
  const std::vector<Token>& tokens = text->tokens;
  PartitionText out;
  int depth = 0;
  std::size_t head_end = partition_sql.size();
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (is_symbol(tokens[i], ')')) --depth;
    if (is_symbol(tokens[i], '(')) ++depth;
    if (depth == 1 && is_symbol(tokens[i], '(') && is_word(tokens[i + 1], "PARTITION")) {
      head_end = tokens[i].begin;
      const std::size_t last = partition_sql.find_last_of(')');
      auto definitions =
          split_partition_definitions(partition_sql.substr(tokens[i].end, last - tokens[i].end));
      if (!definitions) return definitions.error();
      out.definitions = std::move(*definitions);
      break;
    }
    if (depth == 0 && is_word(tokens[i], "PARTITIONS") &&
        tokens[i + 1].kind == TokenKind::kNumber) {
      out.count = std::strtoull(tokens[i + 1].text.c_str(), nullptr, 10);
      // What follows the count (SUBPARTITION BY) stays in the head.
      out.head = trimmed(partition_sql.substr(0, tokens[i].begin));
      const std::size_t rest = tokens[i + 1].end;
      Result<PartitionText> behind = split_partition_text(partition_sql.substr(rest));
      if (!behind) return behind.error();
      if (!behind->head.empty()) out.head += " " + behind->head;
      out.definitions = std::move(behind->definitions);
      return out;
    }
  }
  out.head = trimmed(partition_sql.substr(0, head_end));
  return out;
}

Result<std::string> alter_partitions(const std::string& partition_sql, const AlterClause& clause) {
  if (clause.partition_verb == PartitionVerb::kTruncate ||
      clause.partition_verb == PartitionVerb::kExchange ||
      clause.partition_verb == PartitionVerb::kRebuild)
    return partition_sql;
  Result<PartitionText> text = split_partition_text(partition_sql);
  if (!text) return text.error();
  Definitions added;
  if (!clause.partition_sql.empty()) {
    auto definitions = split_partition_definitions(clause.partition_sql);
    if (!definitions) return definitions.error();
    added = std::move(*definitions);
  }
  const std::uint64_t present =
      std::max<std::uint64_t>({text->count, text->definitions.size(), std::uint64_t{1}});
  switch (clause.partition_verb) {
    case PartitionVerb::kAdd:
      if (clause.partition_count) {
        resize(*text, present + *clause.partition_count);
      } else if (text->definitions.empty() && text->count > 0) {
        text->count += added.size();
      } else {
        for (auto& one : added)
          if (find_partition(text->definitions, one.first) == text->definitions.end())
            text->definitions.push_back(std::move(one));
      }
      break;
    case PartitionVerb::kCoalesce:
      resize(*text, present - std::min(present - 1, clause.partition_count.value_or(0)));
      break;
    case PartitionVerb::kDrop:
      for (const std::string& name : clause.partitions) {
        const auto place = find_partition(text->definitions, name);
        if (place == text->definitions.end() && !clause.if_exists) return no_partition(name);
        if (place != text->definitions.end()) text->definitions.erase(place);
      }
      break;
    case PartitionVerb::kReorganize:
      if (const Result<void> done = reorganize(*text, clause, std::move(added)); !done)
        return done.error();
      break;
    default:
      break;
  }
  return text->sql();
}

}  // namespace tiderelay::applier
