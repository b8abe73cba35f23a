defmodule Shop.TillTest do
  use ExUnit.Case, async: true

  alias Shop.{Item, Till}

  setup do
    {:ok, till: start_supervised!(Till)}
  end

  test "a closed sale lists the items in the order they were scanned", %{till: till} do
    assert Till.scan(till, %Item{name: "Pen", price: 120}) == 1
    assert Till.scan(till, %Item{name: "Ink", price: 300}) == 2
    assert %{items: [%{name: "Pen"}, %{name: "Ink"}], subtotal: 420} = Till.close(till)
  end

  test "the next sale starts empty", %{till: till} do
    Till.scan(till, %Item{name: "Pen", price: 120})
    Till.close(till)
    assert %{items: [], total: 0} = Till.close(till)
  end
end
