defmodule Shop.Pricing do
  @moduledoc "From items to a receipt: subtotal, discounts, tax, total. All amounts are cents."

  alias Shop.{Discount, Item, Receipt}

  @tax_percent 19

  @spec receipt([Item.t()], [Discount.t()]) :: Receipt.t()
  def receipt(items, discounts) do
    %Receipt{items: items}
    |> add_subtotal()
    |> apply_discounts(discounts)
    |> add_tax()
    |> add_total()
  end

  defp add_subtotal(receipt) do
    subtotal = receipt.items |> Enum.map(&Item.total/1) |> Enum.sum()
    %{receipt | subtotal: subtotal}
  end

  defp apply_discounts(receipt, discounts) do
    saved =
      discounts
      |> Enum.map(fn discount -> Discount.amount(discount, receipt.items) end)
      |> Enum.sum()

    # Nobody gets money back, however many discounts meet.
    saved = min(saved, receipt.subtotal)
    %{receipt | saved: saved}
  end

  defp add_tax(receipt) do
    taxable = receipt.subtotal - receipt.saved
    %{receipt | tax: div(taxable * @tax_percent, 100)}
  end

  defp add_total(receipt) do
    %{receipt | total: receipt.subtotal - receipt.saved + receipt.tax}
  end
end
