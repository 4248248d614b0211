// protocol/transaction_boundary.cc: the grammar of a transaction.
#include "protocol/transaction_boundary.h"

#include <algorithm>

namespace tiderelay::protocol {
namespace {

constexpr std::size_t kMariaGtidPrefixBytes = 13;  // sequence 8, domain 4, flags 1
constexpr std::size_t kRowsPrefixBytes = 8;        // table id 6, flags 2
constexpr std::uint8_t kMariaStandalone = 1;
constexpr std::uint16_t kStatementEnd = 1;
constexpr std::size_t kLongestKeywordBytes = 12;  // "ROLLBACK TO "

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool starts_with_any_case(std::string_view text, std::string_view upper_prefix) {
  if (text.size() < upper_prefix.size()) return false;
  return std::equal(upper_prefix.begin(), upper_prefix.end(), text.begin(), [](char want, char c) {
    return want == (c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  });
}

Error truncated(const EventHeader& header) {
  return Error(Errc::kTruncated,
               event_type_name(header.type) + " event is too short to tell what it is");
}

}  // namespace

std::size_t boundary_prefix_bytes(const EventHeader& header) {
  std::size_t wanted = 0;
  if (header.type == event_type::kQuery) wanted = kBoundaryPrefixBytes;
  if (header.type == event_type::kMariaGtid) wanted = kMariaGtidPrefixBytes;
  if (is_rows_event_type(header.type)) wanted = kRowsPrefixBytes;
  const std::size_t body =
      header.event_size_bytes > kEventHeaderBytes ? header.event_size_bytes - kEventHeaderBytes : 0;
  return std::min(wanted, body);
}

void TransactionBoundary::set_format(const FormatDescription& format) {
  query_post_header_bytes_ = format.post_header_bytes(event_type::kQuery);
  table_map_post_header_bytes_ = format.post_header_bytes(event_type::kTableMap);
  crc_bytes_ = format.crc_bytes();
}

void TransactionBoundary::reset() {
  state_ = State::kNone;
  failed_.reset();
}

Result<TransactionBoundary::Verdict> TransactionBoundary::feed(const EventHeader& header,
                                                               ByteView prefix) {
  if (failed_) return *failed_;
  const Result<Class> event = classify(header, prefix);
  Result<Verdict> verdict = event ? step(*event, header) : Result<Verdict>(event.error());
  if (!verdict) failed_ = verdict.error();
  return verdict;
}

Result<TransactionBoundary::Class> TransactionBoundary::classify(const EventHeader& header,
                                                                 ByteView prefix) const {
  switch (header.type) {
    case event_type::kGtid:
    case event_type::kAnonymousGtid:
    case event_type::kGtidTagged:
      return Class::kGtid;
    case event_type::kMariaGtid: {
      if (prefix.size() < kMariaGtidPrefixBytes) return truncated(header);
      const auto flags = std::to_integer<std::uint8_t>(prefix[kMariaGtidPrefixBytes - 1]);
      return (flags & kMariaStandalone) != 0 ? Class::kMariaStandaloneGtid : Class::kMariaGtid;
    }
    case event_type::kQuery:
      return classify_query(header, prefix);
    case event_type::kXid:
    case event_type::kXaPrepare:
      return Class::kEnd;
    case event_type::kIntvar:
    case event_type::kRand:
    case event_type::kUserVar:
    case event_type::kAppendBlock:
    case event_type::kBeginLoadQuery:
      return Class::kPrelude;
    case event_type::kTableMap:
    case event_type::kRowsQuery:
    case event_type::kMariaAnnotateRows:
    case event_type::kMariaPartialRowData:
      return Class::kRows;
    case event_type::kExecuteLoadQuery:
    case event_type::kViewChange:
    case event_type::kMariaQueryCompressed:
      return Class::kStatement;
    case event_type::kTransactionPayload:
      return Class::kPayload;
    case event_type::kIncident:
      return Class::kIncident;
    case event_type::kFormatDescription:
      return header.end_position == 0 ? Class::kIgnore : Class::kNewFile;
    case event_type::kRotate:
    case event_type::kStop:
    case event_type::kSlave:
    case event_type::kDeleteFile:
    case event_type::kHeartbeat:
    case event_type::kHeartbeatV2:
    case event_type::kIgnorable:
    case event_type::kPreviousGtids:
    case event_type::kTransactionContext:
    case event_type::kLargeTransactionHeader:
    case event_type::kMariaBinlogCheckpoint:
    case event_type::kMariaGtidList:
    case event_type::kMariaStartEncryption:
      return Class::kIgnore;
    default:
      break;
  }
  if (is_rows_event_type(header.type)) {
    if (prefix.size() < kRowsPrefixBytes) return truncated(header);
    const std::size_t id_bytes = table_map_post_header_bytes_ == 6 ? 4 : 6;
    const auto flags = static_cast<std::uint16_t>(load_le<2>(prefix.data() + id_bytes));
    return (flags & kStatementEnd) != 0 ? Class::kLastRows : Class::kRows;
  }
  if (header.ignorable()) return Class::kIgnore;
  return Error(Errc::kUnsupported, "event of the unknown " + event_type_name(header.type) +
                                       ", which is not marked as ignorable");
}

Result<TransactionBoundary::Class> TransactionBoundary::classify_query(const EventHeader& header,
                                                                       ByteView prefix) const {
  ByteReader reader(prefix);
  reader.skip(8);
  const std::uint8_t schema_bytes = reader.u8();
  reader.skip(2);
  const std::uint16_t status_bytes = reader.u16();
  reader.skip(query_post_header_bytes_ < 13 ? 0 : query_post_header_bytes_ - 13U);
  reader.skip(std::uint64_t{status_bytes} + schema_bytes + 1);
  const std::size_t before_text = kEventHeaderBytes + reader.offset() + crc_bytes_;
  if (!reader.ok() || before_text > header.event_size_bytes) return truncated(header);
  const std::size_t text_bytes = header.event_size_bytes - before_text;
  const std::size_t seen_bytes = std::min(text_bytes, kLongestKeywordBytes);
  if (reader.left() < seen_bytes) return truncated(header);
  const std::string_view text = as_text(reader.rest()).substr(0, seen_bytes);

  const auto is = [&](std::string_view word) { return text_bytes == word.size() && text == word; };
  if (is("BEGIN") || starts_with(text, "XA START")) return Class::kBegin;
  const bool maria = state_ == State::kMariaOpen || state_ == State::kMariaStandalone;
  if (is("COMMIT") || is("ROLLBACK")) return Class::kEnd;
  if (!maria && starts_with_any_case(text, "ROLLBACK") &&
      !starts_with_any_case(text, "ROLLBACK TO ")) {
    return Class::kEnd;
  }
  if (starts_with_any_case(text, "XA ROLLBACK")) return Class::kXaRollback;
  return Class::kStatement;
}

TransactionBoundary::Verdict TransactionBoundary::go_on(State next) {
  Verdict verdict;
  verdict.inside = true;
  verdict.starts = state_ == State::kNone;
  verdict.ends = next == State::kNone;
  state_ = next;
  return verdict;
}

// GTIDs and BEGIN: only where no transaction is open.
Result<TransactionBoundary::Verdict> TransactionBoundary::begin(State next,
                                                                const EventHeader& header) {
  const bool begin_after_gtid = next == State::kOpen && state_ == State::kGtid;
  if (state_ != State::kNone && !begin_after_gtid) {
    return Error(Errc::kCorrupt, event_type_name(header.type) +
                                     " event begins a transaction before the previous one ended");
  }
  return go_on(next);
}

Result<TransactionBoundary::Verdict> TransactionBoundary::step(Class event,
                                                               const EventHeader& header) {
  const bool open = state_ == State::kOpen || state_ == State::kMariaOpen;
  const bool standalone = state_ == State::kMariaStandalone;
  switch (event) {
    case Class::kIgnore:
      break;
    case Class::kNewFile: {
      Verdict verdict;
      verdict.abandons = state_ != State::kNone;
      state_ = State::kNone;
      return verdict;
    }
    case Class::kGtid:
      return begin(State::kGtid, header);
    case Class::kMariaGtid:
      return begin(State::kMariaOpen, header);
    case Class::kMariaStandaloneGtid:
      return begin(State::kMariaStandalone, header);
    case Class::kBegin:
      if (state_ == State::kMariaOpen)
        return go_on(state_);  // XA START, or a BEGIN for old replicas
      return begin(State::kOpen, header);
    case Class::kEnd:
    case Class::kXaRollback:
    case Class::kIncident:
      return go_on(State::kNone);
    case Class::kStatement:
      return go_on(open ? state_ : State::kNone);
    case Class::kPrelude:
      return go_on(open || standalone ? state_ : State::kPrelude);
    case Class::kRows:
    case Class::kLastRows:
      if (standalone) return go_on(event == Class::kRows ? state_ : State::kNone);
      if (open) return go_on(state_);
      return Error(Errc::kCorrupt,
                   event_type_name(header.type) + " event outside of a transaction");
    case Class::kPayload:
      if (state_ == State::kGtid) return go_on(State::kNone);
      return Error(Errc::kCorrupt, "TRANSACTION_PAYLOAD event without a GTID event before it");
  }
  Verdict verdict;
  verdict.inside = state_ != State::kNone;
  return verdict;
}

}  // namespace tiderelay::protocol
