import CPQSystem
import Foundation
import PQTestSupport
import Synchronization
import Testing

/// How often a handler that was there before the guard got a signal.
private let passedOn = Atomic<Int>(0)

/// The handler of SIGBUS as a number: 0 and 1 are those of the system.
private func handler() -> Int {
  var action = sigaction()
  unsafe _ = sigaction(SIGBUS, nil, &action)
  return unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
}

private func setHandler(_ action: sigaction) -> Bool {
  var action = action
  return unsafe sigaction(SIGBUS, &action, nil) == 0
}

/// A mapping of one page beyond the end of its file, which no load can read.
private func lostPage() throws -> Int {
  let folder = try TemporaryFolder()
  let path = try folder.write([UInt8](repeating: 1, count: 4096), to: "file")
  let file = unsafe open(path, O_RDWR)
  let page = unsafe mmap(nil, 4096, PROT_READ, MAP_SHARED, file, 0)
  #expect(ftruncate(file, 0) == 0 && close(file) == 0)
  return Int(bitPattern: page)
}

private func byte(at address: Int) -> UInt8? {
  // Mapped, and a load that no page answers is what the guard is for.
  unsafe UnsafeRawPointer(bitPattern: address)?.load(as: UInt8.self)
}

/// A range of one page; but for ``lostPage()``'s, one that is never read.
private func guardPage(at address: Int) -> Int32 {
  unsafe cpq_guard_add(UnsafeRawPointer(bitPattern: address), 4096)
}

private let nowhere = 1 << 32

/// Three signals that the guard does not know reach the handler of before, which counts them.
private func expectPassedOn(to before: sigaction) {
  #expect(setHandler(before))
  #expect(guardPage(at: nowhere) == 0)
  for _ in 0..<3 { raise(SIGBUS) }
  #expect(passedOn.load(ordering: .relaxed) == 3)
}

/// The guard against SIGBUS by itself. It is one for the whole process, and keeps the handler that it finds first: so each
/// test has a process of its own. In most the signal is sent, and does not come again by itself as that of a load does.
@Suite struct GuardTests {
  @Test func lostPagesAreZeros() async {
    await #expect(processExitsWith: .success) {
      let page = try lostPage()
      let slot = guardPage(at: page)
      #expect(slot >= 0)
      #expect(cpq_guard_failed(slot) == 0)
      Glibc.errno = EDOM
      let value = byte(at: page + 100)
      #expect(Glibc.errno == EDOM)
      #expect(value == 0)
      #expect(cpq_guard_failed(slot) == 1)
      cpq_guard_remove(slot)
    }
  }

  @Test func fullTable() async {
    await #expect(processExitsWith: .success) {
      for i in 0..<CPQ_GUARD_RANGES { #expect(guardPage(at: nowhere + Int(i) << 12) == i) }
      #expect(guardPage(at: nowhere) == -1)
      #expect(Glibc.errno == ENOSPC)
      cpq_guard_remove(77)
      #expect(guardPage(at: nowhere) == 77)
    }
  }

  @Test func handlerOfBefore() async {
    await #expect(processExitsWith: .success) {
      var before = sigaction()
      unsafe before.__sigaction_handler.sa_handler = { _ in passedOn.add(1, ordering: .relaxed) }
      expectPassedOn(to: before)
    }
  }

  @Test func handlerOfBeforeWithInformation() async {
    await #expect(processExitsWith: .success) {
      var before = sigaction()
      before.sa_flags = SA_SIGINFO
      unsafe before.__sigaction_handler.sa_sigaction = { number, information, _ in
        if number == SIGBUS, unsafe information?.pointee.si_signo == SIGBUS { passedOn.add(1, ordering: .relaxed) }
      }
      expectPassedOn(to: before)
    }
  }

  @Test func ignoredBefore() async {
    await #expect(processExitsWith: .success) {
      var before = sigaction()
      unsafe before.__sigaction_handler.sa_handler = SIG_IGN
      #expect(setHandler(before))
      #expect(guardPage(at: nowhere) == 0)
      for _ in 0..<3 { raise(SIGBUS) }
      #expect(handler() > 1, "the guard stays")
    }
  }

  /// A signal that was sent ends the process, as without the guard.
  @Test func noHandlerBefore() async {
    await #expect(processExitsWith: .signal(SIGBUS)) {
      #expect(setHandler(sigaction()))
      #expect(guardPage(at: nowhere) == 0)
      #expect(handler() > 1)
      raise(SIGBUS)
    }
  }

  /// What is not the guard's ends the process as without it.
  @Test func lostPageElsewhere() async {
    await #expect(processExitsWith: .signal(SIGBUS)) {
      let page = try lostPage()
      #expect(setHandler(sigaction()))
      #expect(guardPage(at: nowhere) == 0)
      print(byte(at: page) ?? 0)
    }
  }
}
