defmodule Bench.Walk do
  @moduledoc "A straight way to step along: one statement a line, then calls into a module nobody named."

  def along(x0) do
    x1 = x0 + 1 # bp:along
    x2 = x1 + 2
    x3 = x2 + 3
    x4 = x3 + 4
    x5 = x4 + 5
    x6 = x5 + 6
    x7 = x6 + 7
    x8 = x7 + 8
    x9 = x8 + 9
    x10 = x9 + 10
    x11 = x10 + 11
    x12 = x11 + 12
    x13 = x12 + 13
    x14 = x13 + 14
    x15 = x14 + 15
    x16 = x15 + 16
    x17 = x16 + 17
    x18 = x17 + 18
    x19 = x18 + 19
    x20 = x19 + 20
    x21 = x20 + 21
    x22 = x21 + 22
    x23 = x22 + 23
    x24 = x23 + 24
    x24
  end

  def across(x0) do
    x1 = Bench.Walk.Step.add(x0, 1) # bp:across
    x2 = Bench.Walk.Step.add(x1, 2)
    x3 = Bench.Walk.Step.add(x2, 3)
    x4 = Bench.Walk.Step.add(x3, 4)
    x5 = Bench.Walk.Step.add(x4, 5)
    x6 = Bench.Walk.Step.add(x5, 6)
    x7 = Bench.Walk.Step.add(x6, 7)
    x8 = Bench.Walk.Step.add(x7, 8)
    x9 = Bench.Walk.Step.add(x8, 9)
    x10 = Bench.Walk.Step.add(x9, 10)
    x11 = Bench.Walk.Step.add(x10, 11)
    x12 = Bench.Walk.Step.add(x11, 12)
    x13 = Bench.Walk.Step.add(x12, 13)
    x14 = Bench.Walk.Step.add(x13, 14)
    x15 = Bench.Walk.Step.add(x14, 15)
    x16 = Bench.Walk.Step.add(x15, 16)
    x17 = Bench.Walk.Step.add(x16, 17)
    x18 = Bench.Walk.Step.add(x17, 18)
    x19 = Bench.Walk.Step.add(x18, 19)
    x20 = Bench.Walk.Step.add(x19, 20)
    x21 = Bench.Walk.Step.add(x20, 21)
    x22 = Bench.Walk.Step.add(x21, 22)
    x23 = Bench.Walk.Step.add(x22, 23)
    x24 = Bench.Walk.Step.add(x23, 24)
    x24
  end
end
