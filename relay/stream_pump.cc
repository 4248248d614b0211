// relay/stream_pump.cc: what a Connection reads and sends without holding it whole: rows, the file
// of LOAD DATA LOCAL, binlog events. See connection.h.
#include <utility>

#include "protocol/capabilities.h"
#include "protocol/command.h"
#include "relay/connection_impl.h"

namespace tiderelay::relay {

using Kind = protocol::ResponseReader::Kind;

// ---- streamed rows

Result<bool> Connection::Impl::take_columns(std::vector<ColumnInfo>& columns) {
  for (;;) {
    const auto packet = reader.next_packet();
    if (!packet) return packet.error();
    if (!*packet) return false;
    const Result<Kind> kind = response.next(**packet);
    if (!kind) return kind.error();
    if (*kind == Kind::kColumn) columns.push_back(info_of(response.column()));
    if (*kind == Kind::kError) stream_error = refused(response.error());
    file_wanted = *kind == Kind::kInfile;
    if (file_wanted || response.answered()) return true;
    if (response.in_rows()) {
      streaming = true;
      return true;
    }
  }
}

Awaitable<std::vector<ColumnInfo>> Connection::stream(std::string sql) {
  Impl& impl = *impl_;
  const Result<void> sent = co_await send(std::move(sql));
  if (!sent) co_return sent.error();
  std::vector<ColumnInfo> columns;
  impl.begin_answer();
  impl.stream_error.reset();
  impl.draining = false;
  for (;;) {
    const Result<bool> complete = impl.take_columns(columns);
    if (!complete) co_return impl.broken(complete.error());
    if (impl.file_wanted) {
      co_return impl.broken(Error(Errc::kCorrupt, "a file is wanted where rows were expected"));
    }
    if (*complete) break;
    const Result<void> filled = co_await impl.fill();
    if (!filled) co_return filled.error();
  }
  if (impl.stream_error) co_return *std::exchange(impl.stream_error, std::nullopt);
  co_return columns;
}

// True: the end was seen. The row views stay valid: nothing here moves the buffer, and a batch ends
// with a row that was joined elsewhere.
Result<bool> Connection::Impl::take_rows() {
  for (;;) {
    const auto packet = reader.next_packet();
    if (!packet) return packet.error();
    if (!*packet) return false;
    if (response.in_rows() && response.is_row(**packet)) {
      if (draining) continue;
      rows.push_back(**packet);
      if (reader.gave_joined()) return false;
      continue;
    }
    const Result<Kind> kind = response.next(**packet);
    if (!kind) return kind.error();
    if (*kind == Kind::kError) stream_error = refused(response.error());
    if (*kind == Kind::kInfile) return Error(Errc::kCorrupt, "a file is wanted behind the rows");
    if (response.answered()) return true;
    draining = true;
  }
}

Awaitable<std::span<const ByteView>> Connection::next_rows() {
  Impl& impl = *impl_;
  impl.rows.clear();
  while (impl.streaming && impl.rows.empty()) {
    if (!impl.ready) {
      co_return impl.not_open();
    }
    const Result<bool> ended = impl.take_rows();
    if (!ended) co_return impl.broken(ended.error());
    impl.streaming = !*ended;
    if (*ended || !impl.rows.empty()) break;
    const Result<void> filled = co_await impl.fill();
    if (!filled) co_return filled.error();
  }
  if (impl.rows.empty() && impl.stream_error) {
    co_return *std::exchange(impl.stream_error, std::nullopt);
  }
  co_return std::span<const ByteView>(impl.rows);
}

// ---- files

Awaitable<void> Connection::Impl::send_file(BlockSource next_block) {
  file_wanted = false;
  std::uint8_t sequence = reader.sequence();
  if (compressor) compressor->start(decompressor->sequence());
  std::string block;
  bool more = static_cast<bool>(next_block);
  while (more) {
    block.clear();
    more = next_block(block);
    if (block.empty()) continue;  // an empty packet would end the file
    const auto frames = block.size() / protocol::kMaxFrameBytes + 1;
    const Result<void> sent = co_await send_packet(block, sequence);
    if (!sent) co_return sent.error();
    sequence = static_cast<std::uint8_t>(sequence + frames);
  }
  const Result<void> ended = co_await send_packet(std::string_view(), sequence);
  reader.expect_sequence(static_cast<std::uint8_t>(sequence + 1));
  co_return ended;
}

Awaitable<StatementResult> Connection::load_local(std::string sql, BlockSource next_block) {
  Impl& impl = *impl_;
  const Result<void> sent = co_await send(std::move(sql));
  if (!sent) co_return sent.error();
  QueryOutcome outcome;
  impl.begin_answer();
  for (;;) {
    const Result<bool> complete = impl.take_answer(outcome);
    if (!complete) co_return impl.broken(complete.error());
    if (impl.file_wanted) {
      const Result<void> loaded = co_await impl.send_file(std::exchange(next_block, nullptr));
      if (!loaded) co_return loaded.error();
      continue;
    }
    if (*complete) break;
    const Result<void> filled = co_await impl.fill();
    if (!filled) co_return filled.error();
  }
  if (outcome.error) co_return *outcome.error;
  co_return std::move(outcome.results.front());
}

// ---- packets as they are

Awaitable<void> Connection::send_command(std::string payload) {
  const auto code = payload.empty() ? 0 : static_cast<std::uint8_t>(payload.front());
  // A dump counts on from the command's id; semi-sync starts anew at each acknowledgement.
  if (code == protocol::kComBinlogDump || code == protocol::kComBinlogDumpGtid) {
    impl_->reader.check_sequence(false);
  }
  const Result<void> sent = co_await impl_->send_command(std::move(payload));
  if (!sent) co_return sent.error();
  impl_->reader.expect_sequence(impl_->due.back());
  impl_->due.pop_back();
  co_return Result<void>();
}

Awaitable<ByteView> Connection::read_packet() {
  Impl& impl = *impl_;
  for (;;) {
    if (!impl.ready) {
      co_return impl.not_open();
    }
    const auto packet = impl.reader.next_packet();
    if (!packet) co_return impl.broken(packet.error());
    if (*packet) co_return **packet;
    const Result<void> filled = co_await impl.fill();
    if (!filled) co_return filled.error();
  }
}

Awaitable<Connection::Piece> Connection::read_piece() {
  Impl& impl = *impl_;
  for (;;) {
    if (!impl.ready) {
      co_return impl.not_open();
    }
    const auto piece = impl.reader.next_piece();
    if (!piece) co_return impl.broken(piece.error());
    if (*piece) co_return **piece;
    const Result<void> filled = co_await impl.fill();
    if (!filled) co_return filled.error();
  }
}

Awaitable<std::span<const Connection::Piece>> Connection::read_pieces() {
  Impl& impl = *impl_;
  for (;;) {
    if (!impl.ready) {
      co_return impl.not_open();
    }
    impl.pieces.clear();
    const Result<void> taken = impl.reader.next_pieces(impl.pieces);
    if (!taken && impl.pieces.empty()) co_return impl.broken(taken.error());
    if (!impl.pieces.empty()) co_return std::span<const Piece>(impl.pieces);
    const Result<void> filled = co_await impl.fill();
    if (!filled) co_return filled.error();
  }
}

Awaitable<void> Connection::quit() {
  Impl& impl = *impl_;
  Result<void> sent = Result<void>();
  if (impl.ready) {
    sent = co_await impl.send_command(protocol::encode_command(protocol::kComQuit));
  }
  close();
  co_return sent;
}

}  // namespace tiderelay::relay
