defprotocol Shop.Discount do
  @moduledoc "What a discount takes off a list of items, in cents."

  @spec amount(t, [Shop.Item.t()]) :: non_neg_integer
  def amount(discount, items)
end

defmodule Shop.Discount.Percent do
  @moduledoc "A share of every item that carries the tag."
  defstruct [:tag, :percent]
end

defmodule Shop.Discount.Bundle do
  @moduledoc "Buy `size` of a product and the cheapest one of them is free."
  defstruct [:name, :size]
end

defimpl Shop.Discount, for: Shop.Discount.Percent do
  def amount(%{tag: tag, percent: percent}, items) do
    base =
      items
      |> Enum.filter(&(tag in &1.tags))
      |> Enum.map(&Shop.Item.total/1)
      |> Enum.sum()

    div(base * percent, 100)
  end
end

defimpl Shop.Discount, for: Shop.Discount.Bundle do
  def amount(%{name: name, size: size}, items) do
    for %{name: ^name, price: price, quantity: quantity} <- items, reduce: 0 do
      taken -> taken + div(quantity, size) * price
    end
  end
end
