defmodule Shop.PricingTest do
  use ExUnit.Case, async: true

  alias Shop.{Item, Pricing}
  alias Shop.Discount.{Bundle, Percent}

  @book %Item{name: "Elixir Guide", price: 2000, tags: [:book]}
  @coffee %Item{name: "Coffee", price: 400, quantity: 3}

  test "tax is added to the subtotal" do
    receipt = Pricing.receipt([@book], [])
    assert receipt.subtotal == 2000
    assert receipt.tax == 380
    assert receipt.total == 2380
  end

  test "discounts add up before tax" do
    receipt =
      Pricing.receipt([@book, @coffee], [
        %Percent{tag: :book, percent: 10},
        %Bundle{name: "Coffee", size: 3}
      ])

    assert receipt.saved == 200 + 400
    assert receipt.total == 3094
  end

  test "a discount never takes more than the subtotal" do
    receipt =
      Pricing.receipt([@book], [
        %Percent{tag: :book, percent: 80},
        %Percent{tag: :book, percent: 70}
      ])

    assert receipt.saved == receipt.subtotal
    assert receipt.total == 0
  end
end
